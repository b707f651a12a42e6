//! What the notify hook hears.

use courier::Hook;
use exchange::alarm;
use jiff::Timestamp;

use crate::node::*;

#[test]
fn the_notify_hook_hears_a_content_free_line() {
    in_runtime(async {
        let (at_a, address_a) = listener().await;
        let a = Node::made("service-a.example", address_a, 1);
        let heard = tempfile::NamedTempFile::new().unwrap();
        let script = format!("cat >> {}", heard.path().display());
        a.run(at_a, Some(Hook::Command(vec!["sh".to_owned(), "-c".to_owned(), script, "hook".to_owned()])));
        let house = a.house.clone();
        let due = Timestamp::now() + jiff::SignedDuration::from_secs(14 * 60 + 30);
        tokio::task::spawn_blocking(move || {
            house.store.act(move |act| {
                act.queue_notice(&format!("FLASH waiting until {due}"), Timestamp::now())?;
                Ok::<_, exchange::refusal::Refusal>(())
            })
        })
        .await
        .unwrap()
        .unwrap();
        a.bell.ring();
        let line = a
            .until("the hook hears", |house| {
                let text = std::fs::read_to_string(heard.path()).unwrap();
                let told = alarm::due_now(house, Timestamp::now(), 10).unwrap().is_empty();
                (!text.is_empty() && told).then_some(text)
            })
            .await;
        assert_eq!(line, "FLASH waiting, 00:14 left\n");
    });
}

#[test]
fn a_hook_that_fails_is_tried_again_and_its_notice_is_kept() {
    in_runtime(async {
        let (at_a, address_a) = listener().await;
        let a = Node::made("service-a.example", address_a, 1);
        a.run(at_a, Some(Hook::Command(vec!["false".to_owned()])));
        let house = a.house.clone();
        tokio::task::spawn_blocking(move || {
            house.store.act(|act| {
                act.queue_notice("FLASH waiting", Timestamp::now())?;
                Ok::<_, exchange::refusal::Refusal>(())
            })
        })
        .await
        .unwrap()
        .unwrap();
        a.bell.ring();
        let later = Timestamp::now() + jiff::SignedDuration::from_mins(1);
        let kept = a
            .until("a try is counted", |house| {
                alarm::due_now(house, later, 10).unwrap().into_iter().find(|notice| notice.attempts == 1)
            })
            .await;
        assert_eq!(kept.line, "FLASH waiting");
    });
}
