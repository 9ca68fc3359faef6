//! Tests of the queue of chunks.

use super::*;

/// As a reader ends.
fn end(mut filler: Filler) {
    filler.complete();
    filler.finish(Ok(()));
}

fn fill(filler: &mut Filler, length: usize) -> Option<()> {
    let mut chunk = filler.buffer()?;
    chunk.resize(length, length as u8);
    filler.push(chunk);
    Some(())
}

#[test]
fn the_stream_is_the_chunks_end_to_end() {
    let (mut feed, mut filler) = feed(Waker::new().unwrap(), true);
    let mut want = Vec::new();
    for length in [1, 0, 3, SMALL, 5, CHUNK, 7] {
        fill(&mut filler, length).expect("room");
        want.resize(want.len() + length, length as u8);
        feed.exchange(0, 0);
    }
    end(filler);
    feed.exchange(0, 0);
    let mut digest = Digest::default();
    digest.update(&want);
    assert_eq!(feed.digest(), Digesting::Done(digest.value()));
    let mut got = Vec::new();
    while got.len() < want.len() {
        let bytes = feed.bytes(got.len() as u64, 1_000);
        assert!(!bytes.is_empty());
        got.extend_from_slice(bytes);
    }
    assert!(got == want);
    assert!(feed.bytes(want.len() as u64, 1).is_empty());
}

#[test]
fn the_reader_waits_at_its_limit_and_memory_is_reused() {
    let (mut feed, mut filler) = feed(Waker::new().unwrap(), false);
    let total = 64 << 20;
    let reader = std::thread::spawn(move || {
        for _ in 0..total / CHUNK as u64 {
            fill(&mut filler, CHUNK).expect("room");
        }
        end(filler);
    });
    let mut at = 0;
    while !(feed.is_complete() && at == total) {
        feed.exchange(at, at);
        let held: usize = feed.chunks.iter().map(|(_, chunk)| chunk.len()).sum();
        assert!(held as u64 <= AHEAD + CHUNK as u64, "{held}");
        at = feed.available();
    }
    reader.join().unwrap();
}

#[test]
fn a_reader_that_nobody_wants_ends() {
    let (feed, mut filler) = feed(Waker::new().unwrap(), false);
    let reader = std::thread::spawn(move || {
        let mut chunks = 0;
        while fill(&mut filler, CHUNK).is_some() {
            chunks += 1;
        }
        assert!(!filler.answers(true, &mut Vec::new()));
        chunks
    });
    drop(feed);
    assert!(reader.join().unwrap() <= 17);
}
