//! One call of the node: `POST` on its control socket, one answer or one refusal.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::net::UnixStream;

use super::answer::Answer;
use super::failure::{Failure, NO_NODE, REFUSED, WORLD};
use crate::data_dir::DataDir;

/// The most bytes of an answer that are read. The largest is a parcel that was kept: 64 MiB, a third more in base64.
const ANSWER_BYTES_MAX: usize = 96 << 20;
/// How long an answer may take, in seconds. A passphrase is stretched on purpose; the rest takes milliseconds.
const ANSWER_SECONDS_MAX: u64 = 120;

/// Calls the node of this folder.
pub(crate) fn call(
    dir: &DataDir,
    token: Option<&str>,
    path: &str,
    body: &impl Serialize,
) -> Result<Answer, Failure> {
    let body = serde_json::to_vec(body).map_err(internal)?;
    post(dir, token, path, "application/json", body)
}

/// Brings the node of this folder a file.
pub(crate) fn bring(
    dir: &DataDir,
    token: Option<&str>,
    path: &str,
    file: Vec<u8>,
) -> Result<Answer, Failure> {
    post(dir, token, path, "application/octet-stream", file)
}

fn post(
    dir: &DataDir,
    token: Option<&str>,
    path: &str,
    media: &str,
    body: Vec<u8>,
) -> Result<Answer, Failure> {
    let socket = dir.socket();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, "forewarn")
        .header(CONTENT_TYPE, media);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(internal)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::world("runtime", e.to_string()))?;
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    let answered = runtime.block_on(async { tokio::time::timeout(limit, exchange(&socket, request)).await });
    match answered {
        Ok(Ok((status, body))) => read(status, &body),
        Ok(Err(Unanswered::NoDoor(e))) => Err(no_door(dir, &e)),
        Ok(Err(Unanswered::Broken(e))) => Err(unreachable(format!("the node gave no answer: {e}"))
            .hint("whether the act was done is not known: look before you repeat it")),
        Err(_) => Err(unreachable(format!("the node gave no answer within {ANSWER_SECONDS_MAX} s"))
            .hint("whether the act was done is not known: look before you repeat it")),
    }
}

/// Why there is no answer.
enum Unanswered {
    /// The socket could not be opened; nothing was asked.
    NoDoor(io::Error),
    /// The connection ended before the answer.
    Broken(String),
}

async fn exchange(socket: &Path, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Unanswered> {
    let broken = |e: hyper::Error| Unanswered::Broken(e.to_string());
    let stream = UnixStream::connect(socket).await.map_err(Unanswered::NoDoor)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // It ends with the runtime; what goes wrong on it shows at the sender.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|e| Unanswered::Broken(e.to_string()))?;
    Ok((status, body.to_bytes()))
}

fn no_door(dir: &DataDir, error: &io::Error) -> Failure {
    let folder = dir.root().display();
    match error.kind() {
        ErrorKind::NotFound if !dir.is_node() => unreachable(format!("there is no node in {folder}"))
            .hint("`forewarn init` makes one, or name another folder with --data"),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            unreachable(format!("no node is running on {folder}")).hint("start it with `forewarn serve`")
        }
        ErrorKind::PermissionDenied => unreachable(format!("this user may not call the node on {folder}"))
            .detail(error.to_string())
            .hint("run the command as the user that runs the node"),
        _ => unreachable(format!("the node on {folder} cannot be reached")).detail(error.to_string()),
    }
}

fn unreachable(fact: String) -> Failure {
    Failure { status: NO_NODE, ..Failure::yours("not_running", fact) }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::world("internal", format!("this should not happen: {error}"))
}

/// The answer, or the refusal in it.
fn read(status: StatusCode, body: &[u8]) -> Result<Answer, Failure> {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    if status.is_success() {
        return value
            .map(Answer)
            .ok_or_else(|| Failure::world("bad_answer", "the node's answer cannot be read"));
    }
    let part = |key: &str| {
        let error = value.as_ref().and_then(|v| v.get("error"));
        error.and_then(|e| e.get(key)).and_then(Value::as_str).map(str::to_owned)
    };
    let status_of = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => REFUSED,
        _ => WORLD,
    };
    Err(Failure {
        code: part("code").unwrap_or_else(|| "refused".to_owned()),
        fact: part("fact").unwrap_or_else(|| format!("the node answered {status} and no reason")),
        detail: part("detail"),
        hint: part("hint"),
        request: part("request").map(String::into_boxed_str),
        status: status_of,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Failure {
        read(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_refusal_keeps_its_three_parts_and_says_whose_matter_it_is() {
        let text = r#"{"error":{"code":"unconfirmed","fact":"f","detail":"d","hint":"h"}}"#;
        let failure = refused(422, text);
        assert_eq!((failure.code.as_str(), failure.status), ("unconfirmed", REFUSED));
        assert_eq!(failure.text(), "error: f\n  d\nhint: h\n");
        assert_eq!(refused(401, text).status, REFUSED);
        assert_eq!(refused(503, text).status, WORLD);
        assert_eq!(refused(500, "no JSON").fact, "the node answered 500 Internal Server Error and no reason");
    }

    #[test]
    fn a_folder_without_a_node_and_a_node_that_does_not_run_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::at(folder.path());
        let none = call(&dir, None, "/v1/status", &serde_json::json!({})).unwrap_err();
        assert_eq!(none.status, NO_NODE);
        assert!(none.hint.unwrap().contains("forewarn init"));
        std::fs::write(folder.path().join("node.json"), "{}").unwrap();
        let stopped = call(&dir, None, "/v1/status", &serde_json::json!({})).unwrap_err();
        assert!(stopped.hint.unwrap().contains("forewarn serve"));
    }
}
