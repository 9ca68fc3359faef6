//! The metrics are what the command says itself.

use std::cell::Cell;

use serde_json::Value;

use crate::common::{ask, client_of, finish, socket};
use crate::{Metrics, Observed};

/// Each metric of a server, and the field of its summary.
const SERVER: [(&str, &str); 8] = [
    ("udpraw_server_datagrams_received_total", "datagrams"),
    ("udpraw_server_received_bytes_total", "bytes"),
    ("udpraw_server_replies_sent_total", "replies"),
    ("udpraw_server_sent_bytes_total", "reply_bytes"),
    ("udpraw_server_datagrams_truncated_total", "truncated"),
    ("udpraw_server_simulated_losses_total", "simulated_losses"),
    ("udpraw_server_errors_total", "errors"),
    ("udpraw_server_kernel_drops_total", "kernel_drops"),
];

fn assert_server(metrics: &Metrics, summary: &Value) {
    assert_eq!(summary["event"], "summary");
    for (name, field) in SERVER {
        assert_eq!(metrics.sum(name), summary[field], "{name}");
    }
    for (reason, field) in [
        ("reply_loop", "reply_loops"),
        ("invalid_source", "invalid_sources"),
        ("amplification", "amplifications"),
    ] {
        let name = format!("udpraw_server_datagrams_unanswered_total{{reason=\"{reason}\"}}");
        assert_eq!(metrics.one(&name), summary[field], "{name}");
    }
}

#[test]
fn a_server_counts_alike_on_every_path() {
    for (arguments, workers) in [
        (&["--reply", "echo"][..], 1),
        (&["--io", "batch", "--reply", "echo"], 1),
        (&["--io", "offload", "--workers", "2", "--reply", "echo"], 2),
        (&["--drop", "50%", "--seed", "1", "--reply", "echo"], 1),
        (
            &[
                "--reply-text",
                "a reply that is more than three times as long as what asks for it, \
           with the headers of IP and UDP, which are counted on both sides",
            ],
            1,
        ),
    ] {
        let server = Observed::server(arguments);
        assert_eq!(
            server
                .scrape()
                .sum("udpraw_server_datagrams_received_total"),
            0
        );
        let client = client_of(server.local());
        for length in 0..40 {
            client.send(&vec![b'x'; length]).unwrap();
        }
        client.set_nonblocking(true).unwrap();
        let name = "udpraw_server_datagrams_received_total";
        let replies = Cell::new((0, 0));
        // The counters of a page are read one after the other: all of them have to be complete.
        let metrics = server.scrape_for("all is counted", |metrics| {
            let mut buffer = [0; 2048];
            while let Ok(length) = client.recv(&mut buffer) {
                let (count, bytes) = replies.get();
                replies.set((count + 1, bytes + length as u64));
            }
            let sums = [
                "replies_sent_total",
                "simulated_losses_total",
                "datagrams_unanswered_total",
            ];
            let sum = |name: &str| metrics.sum(&format!("udpraw_server_{name}"));
            let decided: u64 = sums.map(sum).iter().sum();
            let sent = (sum("replies_sent_total"), sum("sent_bytes_total"));
            let received = (metrics.sum(name), sum("received_bytes_total"));
            received == (40, 780) && decided == 40 && sent == replies.get()
        });
        let labels = metrics.0.keys().filter(|series| series.starts_with(name));
        assert_eq!(labels.count(), workers, "{arguments:?}");
        assert_server(&metrics, &server.interrupt());
    }
}

#[test]
fn exchanges_are_counted_by_outcome() {
    let server = Observed::server(&["--exchange"]);
    let port = server.local().port().to_string();
    let words = [
        "client",
        "127.0.0.1",
        &port,
        "--exchange",
        "-q",
        "--count",
        "3",
        "--interval",
        "0",
    ];
    assert_eq!(finish(&words).code, Some(0));
    client_of(server.local()).send(b"no frame").unwrap();
    // The two are counted one after the other.
    server.scrape_until("udpraw_server_exchange_datagrams_total", 4);
    let metrics = server.scrape_until("udpraw_server_datagrams_received_total", 4);
    let one = |outcome: &str| {
        metrics.one(&format!(
            "udpraw_server_exchange_datagrams_total{{outcome=\"{outcome}\"}}"
        ))
    };
    assert_eq!((one("request"), one("not_exchange")), (3, 1));
    assert_server(&metrics, &server.interrupt());
}

#[test]
fn a_relay_accounts_for_every_datagram_while_it_runs() {
    let target = socket();
    let to = target.local_addr().unwrap().to_string();
    let network = "loss=30%,duplicate=20%,reorder=10%,corrupt=10%,truncate=10%,delay=5ms,mtu=100";
    let relay = Observed::start(&[
        "relay", "--listen", ":0", "--to", &to, "--up", network, "--seed", "3",
    ]);
    let client = client_of(relay.local());
    for length in 0..200 {
        client.send(&vec![7; length]).unwrap();
    }
    relay.scrape_until("udpraw_relay_datagrams_received_total", 200);
    let metrics = relay.scrape_until("udpraw_relay_datagrams_pending", 0);
    assert_eq!(metrics.sum("udpraw_relay_datagrams_unaccounted"), 0);
    assert_eq!(metrics.one("udpraw_relay_flows"), 1);
    let summary = relay.interrupt();
    for direction in ["up", "down"] {
        let side = &summary[direction];
        for (name, field) in [
            ("datagrams_received", "received"),
            ("received_bytes", "received_bytes"),
            ("datagrams_sent", "sent"),
            ("sent_bytes", "sent_bytes"),
            ("datagrams_duplicated", "duplicated"),
            ("datagrams_corrupted", "corrupted"),
            ("datagrams_truncated", "truncated"),
            ("datagrams_reordered", "reordered"),
            ("datagrams_delayed", "delayed"),
            ("kernel_drops", "kernel_drops"),
        ] {
            let series = format!("udpraw_relay_{name}_total{{direction=\"{direction}\"}}");
            assert_eq!(metrics.one(&series), side[field], "{series}");
        }
        let lost = side["lost"].as_object().unwrap();
        assert_eq!(lost.len(), 9);
        for (cause, count) in lost {
            let series = format!(
                "udpraw_relay_datagrams_lost_total{{direction=\"{direction}\",cause=\"{cause}\"}}"
            );
            assert_eq!(metrics.one(&series), *count, "{series}");
        }
    }
    assert!(summary["up"]["lost"]["loss"].as_u64() > Some(20));
    assert!(summary["up"]["lost"]["mtu"].as_u64() > Some(20));
}

/// Somebody asks all the time: the relay goes on, and loses nothing.
#[test]
fn a_scraped_relay_relays() {
    let target = socket();
    let to = target.local_addr().unwrap().to_string();
    let relay = Observed::start(&["relay", "--listen", ":0", "--to", &to]);
    let client = client_of(relay.local());
    let mut buffer = [0; 64];
    for _ in 0..300 {
        client.send(b"ping").unwrap();
        let (length, from) = target.recv_from(&mut buffer).unwrap();
        target.send_to(&buffer[..length], from).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), 4);
        relay.scrape();
    }
    let metrics = relay.scrape_until("udpraw_relay_datagrams_sent_total", 600);
    assert_eq!(metrics.sum("udpraw_relay_datagrams_received_total"), 600);
    assert_eq!(relay.interrupt()["balanced"], true);
}

#[test]
fn a_watched_port_is_there_with_and_without_sockets() {
    let first = socket();
    let at = first.local_addr().unwrap();
    let port = at.port().to_string();
    let watch = Observed::start(&["ports", "--watch", &port]);
    let series = |name: &str| format!("{name}{{port=\"{port}\"}}");
    let metrics = watch.scrape_until("udpraw_ports_sockets", 1);
    assert_eq!(metrics.one(&series("udpraw_ports_receive_queue_bytes")), 0);
    assert!(metrics.one(&series("udpraw_ports_receive_buffer_bytes")) > 0);
    let sender = socket();
    // More than its buffer holds.
    let sent = 200;
    for _ in 0..sent {
        sender.send_to(&[0; 60_000], at).unwrap();
    }
    let mut read = 0;
    first.set_nonblocking(true).unwrap();
    while first.recv(&mut [0; 1]).is_ok() {
        read += 1;
    }
    assert!(read < sent);
    let metrics = watch.scrape_until("udpraw_ports_kernel_drops_total", sent - read);
    assert_eq!(
        metrics.one(&series("udpraw_ports_kernel_drops_total")),
        sent - read
    );
    // Further looks count none of them again.
    let looks = metrics.one("udpraw_ports_look_duration_seconds_count");
    watch.scrape_until("udpraw_ports_look_duration_seconds_count", looks + 2);
    drop(first);
    let metrics = watch.scrape_until("udpraw_ports_sockets_closed_total", 1);
    assert_eq!(metrics.one(&series("udpraw_ports_sockets")), 0);
    assert_eq!(
        metrics.one(&series("udpraw_ports_kernel_drops_total")),
        sent - read
    );
    assert_eq!(metrics.one("udpraw_ports_sockets_opened_total"), 0);
    let looks = metrics.one("udpraw_ports_look_duration_seconds_count");
    let all = "udpraw_ports_look_duration_seconds_bucket{le=\"+Inf\"}";
    assert!(looks >= 2 && metrics.one(all) == looks);
    watch.interrupt();
}

/// A load's metrics are the sums of its intervals; what a server tells is there by direction.
#[test]
fn a_load_counts_what_its_result_says() {
    let server = Observed::server(&["--allow-load", "--reply", "echo"]);
    for (arguments, directions) in [
        (&[][..], &["round_trip"][..]),
        (&["--session"], &["round_trip", "up", "down"]),
        (&["--one-way"], &["up"]),
    ] {
        let peer = server.local();
        let load = Observed::load(peer, &[&["--rate", "1kpps"], arguments].concat());
        load.scrape_for("two intervals", |metrics| {
            metrics.sum("udpraw_load_intervals_total") >= 2
        });
        let metrics = load.scrape();
        let target = format!("udpraw_load_target_info{{target=\"{peer}\"}}");
        assert_eq!(metrics.one(&target), 1);
        // A quotient of two times.
        assert!((999..=1001).contains(&metrics.one("udpraw_load_asked_rate")));
        for direction in directions {
            let one = |name: &str| {
                metrics.one(&format!("udpraw_load_{name}{{direction=\"{direction}\"}}"))
            };
            let due = one("datagrams_scheduled_total");
            let rest = one("datagrams_refused_total") + one("datagrams_unsent_total");
            assert_eq!(due, one("datagrams_sent_total") + rest, "{direction}");
            let there = one("datagrams_arrived_total") + one("datagrams_lost_total");
            let sent = one("datagrams_sent_total");
            assert_eq!(sent, there + one("datagrams_in_flight"), "{direction}");
        }
        let count = directions.len();
        let sent = |series: &&String| series.starts_with("udpraw_load_datagrams_sent_total{");
        assert_eq!(metrics.0.keys().filter(sent).count(), count);
        let has_latency = metrics.one("udpraw_load_latency_seconds_count") > 0;
        assert_eq!(has_latency, directions.contains(&"round_trip"));
        let last = load.interrupt();
        assert_eq!(last["event"], "result", "{last}");
    }
    server.interrupt();
}

/// Several servers on a host are told apart by their sockets.
#[test]
fn a_server_says_where_each_worker_is_bound() {
    for (arguments, want) in [(&["--workers", "2"][..], &["0", "1"][..]), (&[], &["0"])] {
        let server = Observed::server(arguments);
        let metrics = server.scrape();
        let port = server.local().port();
        for worker in want {
            let labels = format!("worker=\"{worker}\",address=\"127.0.0.1\",port=\"{port}\"");
            let name = format!("udpraw_server_socket_info{{{labels}}}");
            assert_eq!(metrics.one(&name), 1);
        }
        server.interrupt();
    }
}

/// The page of metrics costs the server no reply.
#[test]
fn a_scraped_server_answers() {
    let server = Observed::server(&["--reply", "echo"]);
    let client = client_of(server.local());
    for _ in 0..100 {
        assert_eq!(ask(&client, b"x"), b"x");
        server.scrape();
    }
    server.scrape_until("udpraw_server_replies_sent_total", 100);
    server.interrupt();
}
