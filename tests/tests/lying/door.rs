//! Other protocols and other versions, and requests that two readers could read in two ways.

use testkit::{B, EntryOf, Said};

use crate::node::{Scene, in_runtime};

#[test]
fn a_request_that_two_readers_could_read_in_two_ways_is_refused_and_its_connection_closed() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("cover", ""));
        let parcel = String::from_utf8_lossy(&b.parcel(1)).into_owned();
        let path = format!("/peer/v1/log/{}/add-entries", b.origin().hex());
        let long = "x".repeat(20_000);
        let n = parcel.len();
        for (what, first, lines, body) in [
            (
                "two lengths",
                format!("POST {path}"),
                "content-length: 3\r\ncontent-length: 4\r\n".to_owned(),
                "abcd",
            ),
            ("a list of lengths", format!("POST {path}"), "content-length: 4, 5\r\n".to_owned(), "abcd"),
            ("a signed length", format!("POST {path}"), "content-length: +4\r\n".to_owned(), "abcd"),
            (
                "a length and chunks",
                format!("POST {path}"),
                "content-length: 4\r\ntransfer-encoding: chunked\r\n".to_owned(),
                "0\r\n\r\nPOST",
            ),
            (
                "chunks and a length",
                format!("POST {path}"),
                "transfer-encoding: chunked\r\ncontent-length: 4\r\n".to_owned(),
                "0\r\n\r\nPOST",
            ),
            (
                "chunks with a trailer",
                format!("POST {path}"),
                "transfer-encoding: chunked\r\ntrailer: host\r\n".to_owned(),
                "1\r\nx\r\n0\r\nhost: y\r\n\r\n",
            ),
            (
                "another coding",
                format!("POST {path}"),
                "transfer-encoding: gzip, chunked\r\n".to_owned(),
                "0\r\n\r\n",
            ),
            (
                "chunks hidden by a space",
                format!("POST {path}"),
                "transfer-encoding : chunked\r\n".to_owned(),
                "0\r\n\r\n",
            ),
            (
                "a folded line",
                format!("POST {path}"),
                "x: y\r\n content-length: 3\r\ncontent-length: 4\r\n".to_owned(),
                "abcd",
            ),
            (
                "another host's path",
                format!("POST https://node.invalid{path}"),
                format!("content-length: {n}\r\n"),
                "",
            ),
            ("a tunnel", "CONNECT node.invalid:443".to_owned(), String::new(), ""),
            ("a very long path", format!("POST {path}?{long}"), "content-length: 0\r\n".to_owned(), ""),
            ("a very long line", format!("POST {path}"), format!("x: {long}\r\n"), ""),
            ("very many lines", format!("POST {path}"), "x: y\r\n".repeat(100), ""),
            ("no method", format!("po(st {path}"), String::new(), ""),
        ] {
            let body = if what == "another host's path" { parcel.as_str() } else { body };
            let request = format!("{first} HTTP/1.1\r\nhost: x\r\n{lines}\r\n{body}");
            let heard = scene.b.says(request.as_bytes()).await;
            assert!((400..500).contains(&heard.status), "{what}: {heard:?}");
            assert!(heard.closed, "{what}: {heard:?}");
            assert_eq!(scene.a.holds(&b.origin()), 1, "{what}");
        }
        assert!(scene.a.evidence().is_empty(), "{:?}", scene.a.evidence());
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_method_or_a_path_that_is_not_ours_looks_like_nothing_and_does_nothing() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("cover", ""));
        let (parcel, log) = (b.parcel(1), format!("/peer/v1/log/{}", b.origin().hex()));
        for (method, path) in [
            ("GET", format!("{log}/add-entries")),
            ("PUT", format!("{log}/add-entries")),
            ("DELETE", format!("{log}/checkpoint")),
            ("PATCH", log.clone()),
            ("TRACE", "/".to_owned()),
            ("OPTIONS", "*".to_owned()),
            ("FOREWARN", format!("{log}/add-entries")),
            ("POST", format!("{log}/add-entries/")),
            ("POST", format!("/peer/v1/log/../log/{}/add-entries", b.origin().hex())),
            ("POST", format!("/peer/v1/log/{}/add-entries", b.origin().hex().to_uppercase())),
            ("POST", format!("/peer/v1//log/{}/add-entries", b.origin().hex())),
            ("POST", "/peer/v1/log/%2e%2e/add-entries".to_owned()),
            ("POST", "/peer/v1/log/%ff%fe/add-entries".to_owned()),
            ("GET", "/".to_owned()),
        ] {
            let heard = scene.b.ask(method, &path, &parcel).await;
            assert!((400..500).contains(&heard.status), "{method} {path}: {heard:?}");
            assert_eq!(scene.a.holds(&b.origin()), 1, "{method} {path}");
        }
        assert_eq!(scene.b.sends(&b.origin(), &parcel).await.status, 200);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_caller_of_another_version_is_told_which_one_is_spoken_here() {
    in_runtime(async {
        let scene = Scene::set().await;
        let b = scene.opened().await;
        for version in ["v0", "v9", "V1"] {
            let path = format!("/peer/{version}/log/{}/add-entries", b.origin().hex());
            let heard = scene.b.ask("POST", &path, &b.parcel(0)).await;
            assert_eq!(heard.status, 404);
            assert_eq!(heard.text(), "not here; this node speaks forewarn peer protocol v1\n");
        }
        let old = format!(
            "POST /peer/v1/log/{}/add-entries HTTP/1.0\r\ncontent-length: 0\r\n\r\n",
            b.origin().hex()
        );
        assert!((400..500).contains(&scene.b.says(old.as_bytes()).await.status));
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        assert!(scene.b.says(preface).await.closed);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_partner_that_answers_in_another_version_is_named_with_both() {
    in_runtime(async {
        for (said, words) in [
            ("not here; this node speaks forewarn peer protocol v0\n", ["v0", "v1", "must be updated"]),
            (
                "not here; this node speaks forewarn peer protocol v1\n",
                ["does not know us", "confirmed", "card"],
            ),
            ("<html>", ["not a node", "our protocol", "address"]),
        ] {
            let scene = Scene::set().await;
            scene.b.lies(move |_, _| Said::Status(404, said.as_bytes().to_vec()));
            scene.a.warns(B);
            scene.a.until_troubled(B, &words).await;
            scene.a.assert_doctor_says(&[B, words[0], words[1]]);
            assert_eq!(scene.a.sizes(B), (0, 0));
            scene.assert_others_are_served().await;
        }
    });
}

#[test]
fn a_statement_that_comes_back_changed_opens_no_channel_and_is_told() {
    in_runtime(async {
        for what in ["garbage", "another statement"] {
            let scene = Scene::set().await;
            let other = scene.b.opens(tlog::channel::Use::Exercise).await;
            let statement = tlog::entry::Entry::parse(&other.entries[0].1).unwrap().body;
            scene.b.lies(move |asked, _| match (asked.is_statement(), what) {
                (true, "garbage") => Said::Status(200, b"yes, gladly".to_vec()),
                (true, _) => Said::Status(200, statement.clone()),
                _ => Said::Honest,
            });
            scene.a.warns(B);
            scene.a.until_troubled(B, &["statement", "duty desk"]).await;
            assert_eq!(scene.a.sizes(B), (0, 0), "{what}");
            scene.assert_others_are_served().await;
        }
    });
}
