//! An observer that fails ends the transfer at both ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

use udpraw::error::{Error, Result};
use udpraw::protocol::transfer::{Code, Failure};
use udpraw::transfer::tree::{Exclude, Roots, Tree};
use udpraw::transfer::{
    ReceiveConfig, ReceiveEvent, Receiving, SendConfig, Sending, Sent, Tally, Target,
};

static NEVER: AtomicBool = AtomicBool::new(false);

fn failure() -> Error {
    Error::invalid("report", "progress", "the observer had enough")
}

/// Sends more than is ever received before an observer fails.
fn send(folder: &Path, to: SocketAddr, mut on_event: impl FnMut() -> Result<()>) -> Result<Sent> {
    let path = folder.join("sparse");
    // Not a hole, which would need no time.
    std::fs::write(&path, vec![7; 100 << 20]).unwrap();
    let mut roots = Roots::new();
    roots.add(&path).unwrap();
    let config = SendConfig::new(Tree::new(roots, Exclude::default()), vec![to], None);
    Sending::new(config).unwrap().run(&NEVER, |_| on_event())
}

fn receive(
    mut receiving: Receiving,
    mut on_event: impl FnMut(&ReceiveEvent<'_>) -> Result<()> + Send + 'static,
) -> thread::JoinHandle<Result<Tally>> {
    thread::spawn(move || receiving.run(&NEVER, |event: &ReceiveEvent<'_>| on_event(event)))
}

fn listen(folder: &Path) -> (Receiving, SocketAddr) {
    let target = Target::File(folder.join("target"));
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let receiving = Receiving::new(ReceiveConfig::new(address, target, None)).unwrap();
    let address = receiving.address().unwrap();
    (receiving, address)
}

#[test]
fn of_the_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let (receiving, address) = listen(folder.path());
    let mut calls = 0;
    let received = receive(receiving, move |_| {
        calls += 1;
        assert_eq!(calls, 1, "it is not called again");
        Err(failure())
    });
    let sent = send(folder.path(), address, || Ok(())).unwrap();
    assert!(
        matches!(
            &sent.outcome,
            Err(Failure::Closed {
                code: Code::Interrupted,
                ..
            })
        ),
        "{:?}",
        sent.outcome
    );
    let error = received.join().unwrap().unwrap_err();
    assert_eq!(error.to_string(), failure().to_string());
}

#[test]
fn of_the_sender() {
    let folder = tempfile::tempdir().unwrap();
    let (receiving, address) = listen(folder.path());
    let received = receive(receiving, |event| {
        if let ReceiveEvent::Ended(arrived) = event {
            let outcome = &arrived.outcome;
            let interrupted = Code::Interrupted;
            assert!(
                matches!(outcome, Err(Failure::Closed { code, .. }) if *code == interrupted),
                "{outcome:?}"
            );
        }
        Ok(())
    });
    let mut calls = 0;
    let sent = send(folder.path(), address, || {
        calls += 1;
        Err(failure())
    });
    assert_eq!(sent.unwrap_err().to_string(), failure().to_string());
    assert_eq!(calls, 1);
    assert_eq!(received.join().unwrap().unwrap().failed, 1);
}
