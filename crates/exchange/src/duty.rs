//! The duty to warn: assessed, decided in time by a named officer, *warn* or *waive* (ICD 191).

use jiff::Timestamp;
use model::caller::Person;
use model::id::{DecisionId, Digest, WarningId};
use model::state::{Machine, WarningEvent, WarningState};
use model::vocab::{Role, WaiverReason};
use model::warning::{DutyAssessment, DutyDecision};
use rand_core::CryptoRng;
use store::DecisionRow;

use crate::alarm::due;
use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::people;
use crate::person_key::{Decision, PersonKey};
use crate::refusal::Refusal;
use crate::write::{known, warning_of};

/// What the desk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Findings {
    /// It can be believed.
    pub credible: bool,
    /// It says enough to act upon.
    pub specific: bool,
    /// It is about to happen.
    pub impending: bool,
}

/// Assesses the duty. It arises from a threat to life that is credible, specific and impending; then a clock runs from
/// when the desk had the information. Returns the deadline, `None` if the duty does not arise.
pub fn assess(
    house: &House,
    caller: &Person,
    warning: WarningId,
    found: Findings,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "assess a duty to warn")?;
    let (us, by) = (house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let mut row = known(act, warning)?;
        if row.state != WarningState::Assessed {
            let step = row.state.step(WarningEvent::AssessDuty);
            row.state = step.map_err(|e| Refusal::yours("wrong_step", e.to_string()))?;
        }
        let arises =
            found.credible && found.specific && found.impending && warning_of(&row)?.threatens_life();
        let running = row.duty.as_ref().filter(|d| d.decision.is_none()).and_then(|d| d.deadline);
        if let (Some(by), false) = (running, arises) {
            return Err(Refusal::yours(
                "duty_runs",
                format!("the duty to warn is running, to be decided by {by}"),
            )
            .detail("an assessment alone does not end it")
            .hint(format!(
                "a release officer decides: `forewarn duty waive {warning} --reason … --text …`"
            )));
        }
        let deadline =
            arises.then(|| running.unwrap_or_else(|| due(row.aware_at, us.settings.duty_minutes.now())));
        let Findings { credible, specific, impending } = found;
        row.duty = Some(DutyAssessment { credible, specific, impending, deadline, decision: None });
        act.put_warning(&row)?;
        let detail = serde_json::json!({ "arises": arises });
        audit::note(act, now, by.as_str(), "duty.assess", &warning.to_string(), detail, &[])?;
        Ok(deadline)
    })
}

/// Decides not to warn: a coded reason and the officer's words, signed. New information re-opens it (I-16).
pub fn waive(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    warning: WarningId,
    reason: WaiverReason,
    text: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Release], "decide not to warn")?;
    if text.trim().is_empty() {
        return Err(Refusal::yours("no_reason", "a waiver without the officer's words is refused")
            .hint("say why in `--text`; it stays in this node and is read by oversight"));
    }
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let about = warning.to_string();
    let digest = Digest::of(format!("{about}\n{reason}\n{text}").as_bytes());
    let decision = Decision::new("waive", &about, digest, &house.name, &caller.name, now);
    let decided = DecisionRow {
        id: DecisionId::make(now, random),
        kind: "waive".to_owned(),
        about: about.clone(),
        by: caller.name.clone(),
        role: Role::Release.word().to_owned(),
        at: now,
        basis: format!("{reason}: {text}"),
        signature: key.sign_decision(&decision)?,
    };
    let (by, text) = (caller.name.clone(), text.to_owned());
    house.store.act(move |act| {
        people::acting(act, &by, &[Role::Release])?;
        people::signed_now(act, &decided.signature, &by)?;
        let mut row = known(act, warning)?;
        let Some(duty) = row.duty.as_mut() else {
            return Err(Refusal::yours("not_assessed", "the duty to warn was not assessed yet")
                .hint(format!("`forewarn duty assess {warning}` comes first")));
        };
        duty.decision = Some(DutyDecision::Waive { by: by.clone(), at: now, reason, text });
        row.state =
            row.state.step(WarningEvent::Waive).map_err(|e| Refusal::yours("wrong_step", e.to_string()))?;
        act.put_warning(&row)?;
        act.put_decision(&decided)?;
        let detail = serde_json::json!({ "reason": reason.word() });
        audit::note(act, now, by.as_str(), "duty.waive", &about, detail, &[])
    })
}
