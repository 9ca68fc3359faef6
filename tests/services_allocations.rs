//! Reading a services file allocates nothing, however long it is. One test alone in its process, so
//! that no other thread allocates meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use udpraw::services::{Query, Services, entries, lines};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: GlobalAlloc demands that it allocates as `Layout` says and never unwinds: System does so,
// and counting does neither.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's duties (a layout of non-zero size) are passed on as they are.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's duties (a pointer of this allocator, its layout) are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let mut file =
        b"# all kinds of lines\n\nnonsense\nx 70000/udp\nx 0/udp\n\xff 9/tcp \xfe\r\n".to_vec();
    file.extend(b"some-service\t4000/udp\tother another # what it is for\n".repeat(10_000));
    let services = Services::built_in();
    let query: Query = "domain/udp".parse().expect("a query");

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut letters = 0;
    for entry in entries(&file) {
        letters += entry.name.as_bytes().len() + usize::from(entry.port);
        letters += entry
            .aliases()
            .map(|alias| alias.as_bytes().len())
            .sum::<usize>();
        letters += entry
            .comment()
            .map_or(0, |comment| comment.as_bytes().len());
    }
    let bad = lines(&file).filter(|line| line.content.is_err()).count();
    let found = services.lookup(&query).count();
    let made = ALLOCATIONS.load(Ordering::Relaxed) - before;

    assert!(
        letters > 10_000 && bad == 3 && found == 1,
        "{letters} {bad} {found}"
    );
    assert_eq!(made, 0, "allocations while reading");
    drop(std::hint::black_box(vec![0_u8]));
    assert!(
        ALLOCATIONS.load(Ordering::Relaxed) > before,
        "the counter counts"
    );
    println!("no allocation in {} lines", lines(&file).count());
}
