//! The table of acts, and the one way from a request to an act and back.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{MethodRouter, post};
use exchange::house::House;
use exchange::people::{self, Activation};
use exchange::person_key::PersonKey;
use exchange::refusal::Refusal;
use gate::clock::Clock;
use gate::session::Sessions;
use jiff::Timestamp;
use model::caller::Person;
use model::id::{Digest, NotAName, PartyName, PersonName, WarningId};
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::carry;
use crate::channels;
use crate::folders;
use crate::input::{self, Nothing};
use crate::request::{self, Refused};
use crate::show;

/// The most bytes of a request that are read.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// What the routes need.
#[derive(Clone)]
pub struct Api {
    /// The acts' house.
    pub house: House,
    /// Time and randomness.
    pub clock: Clock,
    /// The sessions that are open.
    pub sessions: Arc<Sessions>,
}

/// One call: who calls, when, with which randomness.
pub(crate) struct Call {
    pub(crate) house: House,
    pub(crate) person: Person,
    pub(crate) key: PersonKey,
    pub(crate) now: Timestamp,
    pub(crate) rng: StdRng,
    pub(crate) sessions: Arc<Sessions>,
    token: String,
}

type Answer = Result<Value, Refusal>;

/// The routes of the control socket.
pub fn router(api: Api) -> Router {
    let routes =
        Router::new().route("/v1/session/login", post(login)).route("/v1/session/activate", post(activate));
    let routes = TABLE.iter().fold(routes, |routes, (path, route)| routes.route(path, route()));
    let watched = axum::middleware::from_fn_with_state(api.clone(), request::watched);
    routes.fallback(|| async { no_such_act() }).layer(watched).with_state(api)
}

/// An act's path and its route.
pub(crate) type Row = (&'static str, fn() -> MethodRouter<Api>);

/// The acts by their paths.
pub(crate) const TABLE: &[Row] = &[
    ("/v1/session/logout", || act(logout)),
    ("/v1/session/show", || act(|c, _: Nothing| Ok(show::person(&c.person)))),
    ("/v1/session/passphrase", || act(show::change_passphrase)),
    ("/v1/person/invite", || act(show::invite)),
    ("/v1/person/grant", || act(show::grant)),
    ("/v1/person/revoke", || act(show::revoke)),
    ("/v1/person/disable", || act(show::disable)),
    ("/v1/person/reset", || act(show::reset)),
    ("/v1/person/list", || act(show::people)),
    ("/v1/pending/list", || act(show::pending)),
    ("/v1/proposal/show", || act(show::proposal)),
    ("/v1/approve", || act(show::approve)),
    ("/v1/refuse", || act(show::refuse)),
    ("/v1/roster/set", || act(show::set_roster)),
    ("/v1/roster/show", || act(show::roster)),
    ("/v1/audit/show", || act(show::trail)),
    ("/v1/audit/check", || act(show::check_trail)),
    ("/v1/backup/begin", || {
        act(|c, i: input::BackupBegun| {
            done(exchange::backup::begin(&c.house, &c.person, i.databases, i.keys, c.now)?)
        })
    }),
    ("/v1/backup/made", || {
        act(|c, i: input::BackupMade| {
            done(exchange::backup::made(&c.house, &c.person, &i.digest, i.keys, c.now)?)
        })
    }),
    ("/v1/clock/confirm", || {
        act(|c, _: Nothing| done(exchange::clocks::confirm(&c.house, &c.person, c.now)?))
    }),
    ("/v1/oversight/show", || act(show::watched)),
    ("/v1/oversight/appoint", || act(show::oversight_appoint)),
    ("/v1/oversight/head", || act(show::trail_head)),
    ("/v1/oversight/lines", || act(show::trail_lines)),
    ("/v1/oversight/settle", || act(show::oversight_settle)),
    ("/v1/recover/begin", || act(show::recover_begin)),
    ("/v1/recover/trust", || act(show::recover_trust)),
    ("/v1/card", || {
        act(|c, _: Nothing| Ok(json!({ "card": exchange::partner::own_card(&c.house, c.now)? })))
    }),
    ("/v1/partner/add", || act(show::partner_add)),
    ("/v1/partner/renew", || act(channels::renew_card)),
    ("/v1/partner/confirm", || act(show::partner_confirm)),
    ("/v1/partner/list", || {
        act(|c, _: Nothing| view(exchange::view::relation::partners(&c.house, &c.person)?))
    }),
    ("/v1/channel/list", || act(channels::list)),
    ("/v1/channel/succeed", || act(channels::succeed)),
    ("/v1/channel/accept", || act(channels::accept)),
    ("/v1/channel/refuse", || act(channels::refuse)),
    ("/v1/channel/unfreeze", || act(channels::unfreeze)),
    ("/v1/key/rotate-log", || act(channels::rotate_log)),
    ("/v1/partner/carriage", || act(carry::set)),
    ("/v1/carry/pack", || act(carry::pack)),
    ("/v1/carry/open", || act_on_file(carry::open)),
    ("/v1/carry/settle", || act_on_file(carry::settle)),
    ("/v1/carry/receipt", || act(carry::receipt)),
    ("/v1/agreement/propose", || act(show::agreement_propose)),
    ("/v1/agreement/accept", || act(show::agreement_accept)),
    ("/v1/agreement/refuse", || act(show::agreement_refuse)),
    ("/v1/agreement/list", || act(show::agreements)),
    ("/v1/domain/change", || act(show::domain_change)),
    ("/v1/risk/assess", || act(show::risk)),
    ("/v1/warning/write", || act(show::write)),
    ("/v1/warning/list", || act(|c, _: Nothing| view(exchange::view::warning::list(&c.house, &c.person)?))),
    ("/v1/warning/show", || act(show::warning)),
    ("/v1/warning/preview", || act(show::preview)),
    ("/v1/warning/cancel", || act(show::cancel)),
    ("/v1/warning/lapse", || act(show::lapse)),
    ("/v1/warning/recall", || act(show::recall)),
    ("/v1/duty/assess", || act(show::assess)),
    ("/v1/duty/waive", || act(show::waive)),
    ("/v1/release", || act(show::release)),
    ("/v1/review", || act(show::review)),
    ("/v1/inbox", || act(|c, _: Nothing| view(exchange::view::inbox::incoming(&c.house, &c.person, c.now)?))),
    ("/v1/sent", || act(|c, _: Nothing| view(exchange::view::inbox::outgoing(&c.house, &c.person, c.now)?))),
    ("/v1/outbox", || act(|c, _: Nothing| view(exchange::view::inbox::waiting(&c.house, &c.person)?))),
    ("/v1/entry/show", || act(show::entry)),
    ("/v1/receipt/show", || act(folders::receipt_show)),
    ("/v1/receipt/export", || act(folders::receipt_export)),
    ("/v1/evidence/list", || act(folders::evidence_list)),
    ("/v1/evidence/export", || act(folders::evidence_export)),
    ("/v1/release/read", || act(show::read)),
    ("/v1/release/dispose", || act(show::dispose)),
    ("/v1/recall/confirm", || act(show::recall_confirm)),
    ("/v1/recall/contest", || act(show::recall_contest)),
    ("/v1/action/record", || act(show::record_action)),
    ("/v1/action/stand-down", || act(show::stand_down)),
    ("/v1/outcome/report", || act(show::outcome)),
    ("/v1/thanks/give", || act(show::thank)),
    ("/v1/thanks/relay", || act(show::relay)),
    ("/v1/undertaking/declare", || act(show::undertake)),
    ("/v1/undertaking/accept", || act(show::accept_undertaking)),
    ("/v1/undertaking/list", || act(show::undertakings)),
    ("/v1/ledger", || act(show::ledger)),
    ("/v1/status", || act(|c, _: Nothing| view(exchange::view::status::status(&c.house, &c.person, c.now)?))),
    ("/v1/doctor", || act(|c, _: Nothing| view(exchange::view::status::doctor(&c.house, &c.person, c.now)?))),
];

fn logout(c: &mut Call, _: Nothing) -> Answer {
    c.sessions.close(&c.token);
    done(())
}

/// A view as JSON.
pub(crate) fn view<T: Serialize>(view: T) -> Answer {
    serde_json::to_value(view).map_err(Refusal::ours)
}

/// The answer of an act that has nothing more to say.
pub(crate) fn done<T>(_: T) -> Answer {
    Ok(json!({ "done": true }))
}

/// A route: find the caller, parse, run the act on a thread that may block, show.
fn act<I: DeserializeOwned + Send + 'static>(f: fn(&mut Call, I) -> Answer) -> MethodRouter<Api> {
    post(move |State(api): State<Api>, headers: HeaderMap, body: Bytes| async move {
        run(move || {
            let mut call = caller(&api, &headers)?;
            f(&mut call, parse(&body)?)
        })
        .await
    })
    .layer(axum::extract::DefaultBodyLimit::max(REQUEST_BYTES_MAX))
}

/// A route for a file, whose bytes are the body.
fn act_on_file(f: fn(&mut Call, &[u8]) -> Answer) -> MethodRouter<Api> {
    post(move |State(api): State<Api>, headers: HeaderMap, body: Bytes| async move {
        run(move || f(&mut caller(&api, &headers)?, &body)).await
    })
    .layer(axum::extract::DefaultBodyLimit::max(exchange::carriage::SEALED_BYTES_MAX))
}

fn caller(api: &Api, headers: &HeaderMap) -> Result<Call, Refusal> {
    let now = api.clock.now();
    let token =
        headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let found =
        token.and_then(|token| api.sessions.find(token, now).map(|session| (token.to_owned(), session)));
    let not_logged_in =
        || Refusal::yours("not_logged_in", "nobody is logged in here").hint("`forewarn login NAME`");
    let (token, session) = found.ok_or_else(not_logged_in)?;
    if !people::is_in_use(&api.house, &session.key)? {
        api.sessions.close(&token);
        return Err(not_logged_in());
    }
    Ok(Call {
        house: api.house.clone(),
        person: people::look_up(&api.house, session.key.person())?,
        key: session.key,
        now,
        rng: api.clock.rng(),
        sessions: Arc::clone(&api.sessions),
        token,
    })
}

fn parse<I: DeserializeOwned>(body: &[u8]) -> Result<I, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|e| Refusal::yours("bad_request", "the request cannot be read").detail(e.to_string()))
}

async fn login(State(api): State<Api>, body: Bytes) -> Response<Body> {
    run(move || {
        let input: input::Login = parse(&body)?;
        let now = api.clock.now();
        let name: PersonName = input.name.parse().map_err(bad_name)?;
        may_try(&api, &name, now)?;
        let (person, key) = people::login(&api.house, &name, &input.passphrase, now)?;
        open(&api, &person, key, now)
    })
    .await
}

async fn activate(State(api): State<Api>, body: Bytes) -> Response<Body> {
    run(move || {
        let input: input::Activate = parse(&body)?;
        let now = api.clock.now();
        let name: PersonName = input.name.parse().map_err(bad_name)?;
        may_try(&api, &name, now)?;
        let activation =
            Activation { name: &name, one_time_secret: &input.secret, passphrase: &input.passphrase };
        let (person, key) = people::activate(&api.house, &activation, now, &mut api.clock.rng())?;
        open(&api, &person, key, now)
    })
    .await
}

fn open(api: &Api, person: &Person, key: PersonKey, now: Timestamp) -> Answer {
    let token = api.sessions.open(&person.name, key, now, &mut api.clock.rng());
    let token = token.map_err(|e| Refusal::world("too_many_sessions", e.to_string()))?;
    let ends = api.sessions.list(&person.name, now).iter().map(|s| s.ends_at).max();
    view(input::Session {
        token: token.text().to_owned(),
        name: person.name.to_string(),
        roles: person.roles.iter().copied().collect(),
        until: ends.unwrap_or(now),
    })
}

/// One name may be tried so often and no more; the control socket has one peer, this machine's user.
fn may_try(api: &Api, name: &PersonName, now: Timestamp) -> Result<(), Refusal> {
    api.sessions.admit_login("control socket", name, now).map_err(|e| {
        Refusal::yours("too_often", format!("too many tries to log {name} in"))
            .detail(e.to_string())
            .hint("wait a little")
    })
}

async fn run(act: impl FnOnce() -> Answer + Send + 'static) -> Response<Body> {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(act)).await {
        Ok(Ok(value)) => json_response(StatusCode::OK, &value),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => refused(&Refusal::ours("an act ended without an answer")),
    }
}

/// The answer is put into words where the id of the request is known: in `request`.
fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Refused(refusal.clone()));
    response
}

fn no_such_act() -> Response<Body> {
    let refusal = Refusal::yours("no_such_act", "this node knows no such act")
        .hint("is the `forewarn` that you run the one that the node runs?");
    refused(&refusal)
}

/// JSON as an answer.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The refusal of a name that is none.
pub(crate) fn bad_name(error: NotAName) -> Refusal {
    Refusal::yours("bad_name", error.to_string())
}

/// A party's name.
pub(crate) fn party(text: &str) -> Result<PartyName, Refusal> {
    text.parse().map_err(bad_name)
}

/// A warning's id.
pub(crate) fn warning_id(text: &str) -> Result<WarningId, Refusal> {
    text.parse().map_err(|e: model::id::NotAnId| Refusal::yours("bad_id", e.to_string()))
}

/// A digest.
pub(crate) fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(bad_name)
}
