//! What explanations say of waiting is so.

use crate::common::finish;
use crate::{may_trace, python};

/// The explanations of a Python program, each behind its call, on one line.
fn explained(script: &str) -> Option<String> {
    let (true, Some(python)) = (may_trace(), python()) else {
        return None;
    };
    let script = format!(
        "import socket,select,os,fcntl,time\n\
         a=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); a.bind((\"127.0.0.1\",0)); to=a.getsockname()\n\
         b=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n{script}\n"
    );
    let end = finish(&[
        "trace",
        "--explain",
        "--",
        &python,
        "-S",
        "-E",
        "-c",
        &script,
    ]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    Some(end.stdout.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_socket_that_does_not_block_never_slept() {
    for (mode, said) in [
        ("a.settimeout(5)", "return at once instead of waiting"),
        (
            "fcntl.fcntl(a,fcntl.F_SETFL,os.O_NONBLOCK)",
            "return at once instead of waiting",
        ),
        // Whoever has a duplicate has the same socket.
        (
            "os.set_blocking(os.dup(a.fileno()),False)",
            "the same socket",
        ),
    ] {
        let Some(text) = explained(&format!("{mode}\nb.sendto(b'x',to); a.recvfrom(9)")) else {
            return;
        };
        assert!(text.contains(said), "{mode}: no {said:?} in {text}");
        let want = "The program takes a waiting datagram: 1 byte, from";
        assert!(text.contains(want), "{mode}: {text}");
        assert!(!text.contains("slept"), "{mode}: {text}");
    }
    let Some(text) = explained(
        "c=socket.socket(socket.AF_INET,socket.SOCK_DGRAM|socket.SOCK_NONBLOCK); c.bind(('127.0.0.1',0))\n\
         try: os.read(c.fileno(),9)\nexcept OSError: pass\n\
         try: a.recvmsg(9,99,socket.MSG_ERRQUEUE)\nexcept OSError: pass",
    ) else {
        return;
    };
    assert!(text.contains("and the call does not wait"), "{text}");
    assert!(text.contains("The error queue is empty"), "{text}");
}

#[test]
fn a_receive_that_waited_slept() {
    let Some(text) = explained(
        "if not os.fork():\n time.sleep(0.3); b.sendto(b'late',to); os._exit(0)\na.recvfrom(9)",
    ) else {
        return;
    };
    let want = "The program slept in this call until a datagram arrived: 4 bytes, from";
    assert!(text.contains(want), "{text}");
    let Some(text) = explained(
        "a.setsockopt(1,20,(0).to_bytes(8,'little')+(30000).to_bytes(8,'little'))\n\
         try: a.recv(9)\nexcept OSError: pass",
    ) else {
        return;
    };
    let want = "Nothing arrived within the time limit of a receive (SO_RCVTIMEO).";
    assert!(text.contains(want), "{text}");
}

#[test]
fn waits_say_what_they_waited_for_and_what_they_found() {
    let Some(text) = explained(
        "p=select.poll(); p.register(b,select.POLLOUT); p.poll(0); p.poll(1000)\n\
         e=select.epoll(); e.register(a,select.EPOLLIN); e.poll(0); e.poll(0.02)\n\
         select.select([],[b],[],0); select.select([a],[],[],0.02)\n\
         b.sendto(b'x',to); select.select([a],[],[])",
    ) else {
        return;
    };
    for want in [
        "The program checks without waiting: there is room to send.",
        "there is room to send. Python: select.poll()",
        "Nothing is ready, and the call does not wait.",
        "Nothing happened within 20 ms.",
        "there is room to send. Python: select.select([], [s], [], seconds)",
        "there is something to receive. Python: select.select([s], [], [], seconds)",
    ] {
        assert!(text.contains(want), "no {want:?} in {text}");
    }
    assert!(!text.contains("until something came"), "{text}");
}

/// However a program receives, what it received is counted.
#[test]
fn every_way_to_receive_counts() {
    for receive in [
        "a.recv(9)",
        "a.recvfrom(9)",
        "os.read(a.fileno(),9)",
        "os.readv(a.fileno(),[bytearray(9)])",
        "os.read(os.dup(a.fileno()),9)",
        "a.recvmsg(9)",
        "a.recvmsg_into([bytearray(9)])",
    ] {
        let Some(text) = explained(&format!("b.sendto(b'counted',to); {receive}")) else {
            return;
        };
        let want = "1 datagram: 1 received, 0 lost, 0 refused, 0 to programs not traced";
        assert!(text.contains(want), "{receive}: {text}");
    }
    // On a connected socket both ends write and read as to any file.
    let Some(text) = explained(
        "b.connect(to); a.connect(b.getsockname())\nos.write(b.fileno(),b'there'); os.read(a.fileno(),9)\n\
         a.send(b'back'); os.readv(b.fileno(),[bytearray(9)])",
    ) else {
        return;
    };
    assert!(text.contains("2 datagrams: 2 received, 0 lost"), "{text}");
}
