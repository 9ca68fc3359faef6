//! Reading and looking up services: this machine's file (the built-in table where it has none), and
//! one of 12,000 lines, as long as IANA's.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use udpraw::services::{Query, Services, check, entries};

fn generated() -> String {
    let mut file = String::new();
    for number in 1..=12_000 {
        let protocol = if number % 2 == 0 { "udp" } else { "tcp" };
        // Writing to a String cannot fail.
        let _ = write!(
            file,
            "service-{number}\t{}/{protocol}",
            1 + number * 5 % 65_535
        );
        file.push_str(match number % 3 {
            0 => "\talias-a alias-b\n",
            1 => "\t\t# what the service is there for\n",
            _ => "\n",
        });
    }
    file
}

fn services(criterion: &mut Criterion) {
    let machine = Services::load(None).expect("a readable /etc/services, or none");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("services");
    std::fs::write(&path, generated()).expect("a file");
    let large = Services::load(Some(&path)).expect("the file just written");

    for (name, services) in [("machine", &machine), ("12000 lines", &large)] {
        let bytes = services.as_bytes();
        let mut group = criterion.benchmark_group(format!("services/{name}"));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("parse", |bencher| {
            bencher.iter(|| entries(black_box(bytes)).fold(0, |sum, entry| sum ^ entry.port));
        });
        group.bench_function("parse aliases", |bencher| {
            bencher.iter(|| {
                entries(black_box(bytes)).fold(0, |sum, entry| sum + entry.aliases().count())
            });
        });
        group.bench_function("check", |bencher| {
            bencher.iter(|| check(black_box(bytes)).count());
        });
        for key in ["ssh", "53/udp", "no-such-name"] {
            let query: Query = key.parse().expect("a query");
            group.bench_function(format!("lookup {key}"), |bencher| {
                bencher.iter(|| services.lookup(black_box(&query)).count());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, services);
criterion_main!(benches);
