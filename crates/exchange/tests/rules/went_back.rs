//! A node that went back to an earlier state tells people so, once.

use exchange::{view::status, went_back};
use store::StoreError;
use testkit::TestHouses;

#[test]
fn a_restored_node_tells_people_once_and_status_and_doctor_say_so_until_it_is_over() {
    let houses = TestHouses::two();
    let (house, now) = (houses.a().house(), houses.a().now());
    assert_eq!(went_back::tell(&house, now).unwrap(), None);
    house.store.act(move |act| act.mark_restored("0123", now)).unwrap();
    let count = || {
        let lines = house.store.view(|view| view.audit_lines(0, 1_000)).unwrap();
        lines.iter().filter(|l| l.line.act == "node.recovering").count()
    };
    for _ in 0..2 {
        assert_eq!(went_back::tell(&house, now).unwrap().unwrap(), "it was restored from a backup");
        assert_eq!(count(), 1);
    }
    let notices = house.store.view(|view| view.notices_due(now, 100)).unwrap();
    assert_eq!(notices.iter().filter(|n| n.line.contains("went back")).count(), 1);
    let findings = || status::doctor(&house, &houses.a().caller("operator1"), now).unwrap();
    assert!(findings().iter().any(|f| f.fact.starts_with("this node recovers since ")), "{:?}", findings());
    let says = || status::status(&house, &houses.a().caller("operator1"), now).unwrap().recovering;
    assert!(says().unwrap().ends_with(": it was restored from a backup"));
    let over: Result<bool, StoreError> = house.store.act(|act| {
        for mut channel in act.channels()? {
            act.end_recovery(&mut channel)?;
        }
        act.recovery_over()
    });
    assert!(over.unwrap());
    assert!(!findings().iter().any(|f| f.fact.contains("recovers")));
    assert_eq!(says(), None);
}
