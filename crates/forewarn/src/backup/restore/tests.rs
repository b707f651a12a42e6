//! A restore that is cut off between any two steps has lost nothing, and the same command finishes it.

use rand::SeedableRng;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use super::*;
use crate::backup::seal::SealTo;
use crate::backup::take;
use crate::data_dir::Config;

const STEPS: [Step; 7] =
    [Step::Begin, Step::Unpack, Step::Keys, Step::TakeOver, Step::Whole, Step::Aside, Step::InPlace];

fn now() -> Timestamp {
    "2026-12-10T14:00:00Z".parse().unwrap()
}

fn later() -> Timestamp {
    "2026-12-11T08:00:00Z".parse().unwrap()
}

/// A node with a line in its trail, and a backup of it with the file of keys, sealed to an identity.
struct World {
    folder: tempfile::TempDir,
    dir: DataDir,
    identity: Zeroizing<String>,
}

fn world_with_a_node() -> World {
    world_of("service-a.example")
}

fn world_of(name: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::at(&folder.path().join("data"));
    let config = Config {
        name: name.to_owned(),
        address: "192.0.2.1:4430".to_owned(),
        listen: "192.0.2.1:4430".to_owned(),
        contact: "Duty desk, +00 000".to_owned(),
        notify_command: Vec::new(),
        notify_webhook: None,
        duty_minutes: None,
        proposal_minutes: None,
        silence_minutes: None,
        silence_minutes_of: std::collections::BTreeMap::new(),
        high_water: None,
        fetch_seconds: None,
        log: None,
        metrics: None,
    };
    dir.begin(&config, now(), &mut StdRng::seed_from_u64(1)).unwrap();
    let store = Store::open(dir.root()).unwrap();
    store.act(|act| act.set_meta("state", "at the backup")).unwrap();
    dir.finish().unwrap();
    let identity = exchange::keys::draw_encryption_key();
    let wanted = take::Wanted {
        backup: Some(folder.path().join("node.backup")),
        keys: Some((
            folder.path().join("node.keys"),
            SealTo::Recipient(exchange::keys::encryption_recipient(&identity).unwrap()),
        )),
    };
    let made = take::take(&dir, &wanted, now(), &GoOn::default(), &mut |_, _| {}).unwrap();
    assert_eq!(made.len(), 2);
    store.act(|act| act.set_meta("state", "after the backup")).unwrap();
    World { folder, dir, identity }
}

impl World {
    fn wanted(&self) -> Wanted {
        Wanted {
            backup: self.folder.path().join("node.backup"),
            keys: self.folder.path().join("node.keys"),
            open_with: OpenWith::Identity(self.identity.clone()),
            high_water: None,
            replace: true,
            lose_texts: false,
        }
    }

    fn state(&self) -> Option<String> {
        state(self.dir.root())
    }

    fn beside(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = names.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.starts_with("data"));
        names.sort();
        names
    }
}

fn state(folder: &Path) -> Option<String> {
    Store::open(folder).unwrap().view(|view| view.meta("state")).unwrap()
}

fn cut_off() -> Refusal {
    Refusal::world("cut_off", "the machine lost its power")
}

#[test]
fn a_restore_cut_off_before_any_step_is_finished_by_the_same_command() {
    for at in STEPS {
        let world = world_with_a_node();
        let wanted = world.wanted();
        let mut reached = false;
        let cut = steps(&world.dir, &wanted, later(), &GoOn::default(), &mut |step| {
            reached |= step == at;
            if step == at { Err(cut_off()) } else { Ok(()) }
        });
        assert_eq!(cut.unwrap_err().code, "cut_off", "{at:?}");
        assert!(reached, "{at:?}");
        let old = if at == Step::InPlace {
            assert_eq!(world.beside(), ["data.replaced-20261211T080000Z", "data.restoring"]);
            world.folder.path().join("data.replaced-20261211T080000Z")
        } else {
            world.dir.root().to_owned()
        };
        assert_eq!(state(&old).as_deref(), Some("after the backup"), "{at:?}: what stood there is whole");
        restore(&world.dir, &wanted, later(), &GoOn::default()).unwrap();
        assert_eq!(world.state().as_deref(), Some("at the backup"), "{at:?}");
        assert_eq!(world.beside(), ["data", "data.replaced-20261211T080000Z"], "{at:?}");
        let store = Store::open(world.dir.root()).unwrap();
        assert_eq!(store.opened().reason.as_deref(), Some("it was restored from a backup"), "{at:?}");
        world.dir.must_be_private().unwrap();
    }
}

#[test]
fn another_backup_does_not_finish_a_restore_that_was_cut_off() {
    let world = world_with_a_node();
    let cut = steps(&world.dir, &world.wanted(), later(), &GoOn::default(), &mut |step| {
        if step == Step::InPlace { Err(cut_off()) } else { Ok(()) }
    });
    cut.unwrap_err();
    let other = world_of("service-b.example");
    let wanted = Wanted { backup: other.folder.path().join("node.backup"), ..world.wanted() };
    let refused = restore(&world.dir, &wanted, later(), &GoOn::default()).unwrap_err();
    assert_eq!(refused.code, "another_restore");
    restore(&world.dir, &world.wanted(), later(), &GoOn::default()).unwrap();
    assert_eq!(world.state().as_deref(), Some("at the backup"));
}

#[test]
fn what_is_refused_changes_nothing_and_leaves_nothing() {
    let refused = |world: &World, code: &str, change: &dyn Fn(&mut Wanted)| {
        let mut wanted = world.wanted();
        change(&mut wanted);
        let refused = restore(&world.dir, &wanted, later(), &GoOn::default()).unwrap_err();
        assert_eq!(refused.code, code, "{refused}");
        assert_eq!(world.beside(), ["data"], "{code}");
        assert_eq!(world.state().as_deref(), Some("after the backup"), "{code}");
    };
    let world = world_with_a_node();
    refused(&world, "not_empty", &|w| w.replace = false);
    refused(&world, "wrong_key", &|w| {
        w.open_with = OpenWith::Passphrase("not the passphrase".to_owned().into())
    });
    refused(&world, "wrong_key", &|w| {
        w.open_with = OpenWith::Identity(exchange::keys::draw_encryption_key())
    });
    refused(&world, "bad_backup", &|w| w.backup = w.keys.clone());
    refused(&world, "file", &|w| w.high_water = Some(w.backup.with_file_name("none")));
    let running = world.dir.lock().unwrap();
    refused(&world, "in_use", &|_| {});
    drop(running);
    // Somebody who says stop.
    let stop = GoOn::default();
    stop.0.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(restore(&world.dir, &world.wanted(), later(), &stop).unwrap_err().code, "stopped");
    assert_eq!(world.beside(), ["data"]);
}

#[test]
fn one_byte_changed_anywhere_is_refused() {
    let world = world_with_a_node();
    let go_on = GoOn::default();
    let with = OpenWith::Identity(world.identity.clone());
    let (backup, keys) = (world.wanted().backup, world.wanted().keys);
    verify::verify(&backup, Some((&keys, &with)), None, &go_on).unwrap();
    for (file, step) in [(&backup, 97), (&keys, 31)] {
        let good = fs::read(file).unwrap();
        let places = (0..good.len()).step_by(step).chain(good.len() - 64..good.len());
        for place in places {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(file, &bad).unwrap();
            let refused = verify::verify(&backup, Some((&keys, &with)), None, &go_on);
            assert!(refused.is_err(), "byte {place} of {} was changed", file.display());
        }
        fs::write(file, &good[..good.len() - 1]).unwrap();
        assert!(verify::verify(&backup, Some((&keys, &with)), None, &go_on).is_err());
        fs::write(file, [good.as_slice(), b"x"].concat()).unwrap();
        assert!(verify::verify(&backup, Some((&keys, &with)), None, &go_on).is_err());
        fs::write(file, &good).unwrap();
    }
    verify::verify(&backup, Some((&keys, &with)), None, &go_on).unwrap();
    let left: Vec<_> = fs::read_dir(world.folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing that was unpacked is left: {left:?}");
}

#[test]
fn a_backup_is_never_overwritten_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = world_with_a_node();
    for file in [world.wanted().backup, world.wanted().keys] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(take::must_be_free(&file).unwrap_err().code, "exists");
    }
    let bytes = fs::read(world.wanted().keys).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    let secret = world.dir.key_file("identity.key").unwrap();
    for file in [world.wanted().backup, world.wanted().keys] {
        let unpacked = fs::read(file).unwrap();
        assert!(!unpacked.windows(secret.len()).any(|w| w == secret.as_slice()));
    }
}

#[test]
fn a_backup_that_is_stopped_leaves_nothing_half_made() {
    let world = world_with_a_node();
    let before = fs::read_dir(world.folder.path()).unwrap().count();
    let stop = GoOn::default();
    stop.0.store(true, std::sync::atomic::Ordering::Relaxed);
    let recipient = exchange::keys::encryption_recipient(&world.identity).unwrap();
    for (backup, keys) in [(true, false), (false, true)] {
        let wanted = take::Wanted {
            backup: backup.then(|| world.folder.path().join("other.backup")),
            keys: keys
                .then(|| (world.folder.path().join("other.keys"), SealTo::Recipient(recipient.clone()))),
        };
        let stopped = take::take(&world.dir, &wanted, later(), &stop, &mut |_, _| {}).unwrap_err();
        assert_eq!(stopped.code, "stopped", "{stopped}");
        assert_eq!(fs::read_dir(world.folder.path()).unwrap().count(), before);
    }
}

#[test]
fn keys_that_are_older_than_the_backup_are_refused_unless_their_texts_may_be_lost() {
    let world = world_with_a_node();
    let store = Store::open(world.dir.root()).unwrap();
    let new = store::NewOutboxRow {
        id: model::id::OutboxId::make(now(), [1; 10]),
        partner: "service-b.example".parse().unwrap(),
        use_: tlog::channel::Use::Actual,
        kind: "warning".to_owned(),
        thread: [7; 16],
        answers: None,
        media: "text/plain".to_owned(),
        body: b"a body".to_vec(),
        digest: [0; 32],
        condition: String::new(),
        draw: store::SealingDraw::draw(&mut StdRng::seed_from_u64(1)),
    };
    store.act(move |act| act.queue(new, now())).unwrap();
    let backup = world.folder.path().join("later.backup");
    let wanted = take::Wanted { backup: Some(backup.clone()), keys: None };
    take::take(&world.dir, &wanted, later(), &GoOn::default(), &mut |_, _| {}).unwrap();
    drop(store);
    let wanted = Wanted { backup, ..world.wanted() };
    let refused = restore(&world.dir, &wanted, later(), &GoOn::default()).unwrap_err();
    assert_eq!(refused.code, "keys_too_old");
    let wanted = Wanted { lose_texts: true, ..wanted };
    let done = restore(&world.dir, &wanted, later(), &GoOn::default()).unwrap();
    assert_eq!(done.found.unwrap().without_key, 1);
    let store = Store::open(world.dir.root()).unwrap();
    let id = model::id::OutboxId::make(now(), [1; 10]);
    let row = store.view(|view| view.outbox_row(id)).unwrap().unwrap();
    assert!(matches!(row.state, store::OutboxState::Withdrawn(_)), "{:?}", row.state);
}

#[test]
fn what_was_erased_after_the_backup_stays_erased_by_the_mark_that_is_taken_over() {
    let world = world_with_a_node();
    // The name of the erased key stands in the mark of the folder that is replaced.
    let mark = rusqlite::Connection::open(world.dir.root().join("high-water.db")).unwrap();
    mark.execute("INSERT INTO erased VALUES (x'00112233445566778899aabbccddeeff')", []).unwrap();
    drop(mark);
    restore(&world.dir, &world.wanted(), later(), &GoOn::default()).unwrap();
    let aside = world.folder.path().join("data.replaced-20261211T080000Z/high-water.db");
    assert!(aside.exists(), "what stood there is whole");
    assert_eq!(erased(&world.dir.root().join("high-water.db")), 1);
    assert!(!world.dir.root().join("mark-0.db").exists());
}

fn erased(file: &Path) -> i64 {
    let database = rusqlite::Connection::open(file).unwrap();
    database.query_row("SELECT count(*) FROM erased", [], |row| row.get(0)).unwrap()
}
