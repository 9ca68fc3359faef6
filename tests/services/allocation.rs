//! Reading a services file allocates nothing, however long it is.

use crate::allocations::count;
use udpraw::services::{Query, Services, entries, lines};

#[test]
fn reading_allocates_nothing() {
    let mut file =
        b"# all kinds of lines\n\nnonsense\nx 70000/udp\nx 0/udp\n\xff 9/tcp \xfe\r\n".to_vec();
    file.extend(b"some-service\t4000/udp\tother another # what it is for\n".repeat(10_000));
    let services = Services::built_in();
    let query: Query = "domain/udp".parse().expect("a query");

    let before = count();
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
    let made = count() - before;

    assert!(
        letters > 10_000 && bad == 3 && found == 1,
        "{letters} {bad} {found}"
    );
    assert_eq!(made, 0, "allocations while reading");
    drop(std::hint::black_box(vec![0_u8]));
    assert!(count() > before, "the counter counts");
}
