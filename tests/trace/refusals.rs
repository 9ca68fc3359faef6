//! What cannot be traced, or not to its end.

use std::io::Write;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::common::{self, Running, Server, finish, skip, udpraw};
use crate::{may_trace, python};

#[test]
fn what_cannot_be_traced_says_why() {
    common::assert_refused(
        &["trace"],
        &[
            (&["--", "/nonexistent/x"], &["'/nonexistent/x'", "ENOENT"]),
            (&["--", "no-such-program"], &["ENOENT", "PATH"]),
            (&["--", "/etc/passwd"], &["EACCES", "chmod +x"]),
            (&["-p", "2147483600"], &["ESRCH", "no such process"]),
            (&["-p", "1", "--", "true"], &["cannot be used with"]),
            (&[], &["PROGRAM"]),
            (
                &["--max-processes", "0", "--", "true"],
                &["--max-processes"],
            ),
            (
                &["-o", "/nonexistent/file", "--", "true"],
                &["/nonexistent/file", "ENOENT"],
            ),
        ],
    );
    if !may_trace() {
        return;
    }
    // A process that is traced already.
    let server = Server::start(&[]);
    let pid = server.running.id().to_string();
    let mut first = Running::start(udpraw(["trace", "--json", "-p", &pid]));
    assert!(first.line().contains("program"));
    let end = finish(&["trace", "-p", &pid]);
    assert_eq!(end.code, Some(2));
    assert!(
        end.stderr.contains("already traces it") && end.stderr.contains("EPERM"),
        "{}",
        end.stderr
    );
    first.signal(Signal::SIGTERM);
    assert_eq!(first.finish().code, Some(0));
}

#[test]
fn a_program_that_forks_without_end_is_ended() {
    if !may_trace() {
        return;
    }
    let script = "f() { f & f & wait; }; f";
    let end = finish(&["trace", "--max-processes", "20", "--", "sh", "-c", script]);
    assert_eq!(end.code, Some(2));
    assert!(
        end.stderr.contains("more than 20 processes"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_32_bit_program_is_said_to_be_one() {
    if !may_trace() {
        return;
    }
    // An ELF32 file whose code is: mov eax, 1; mov ebx, 5; int 0x80 (exit 5).
    let code = [0xb8, 1, 0, 0, 0, 0xbb, 5, 0, 0, 0, 0xcd, 0x80];
    let mut elf = b"\x7fELF\x01\x01\x01".to_vec();
    elf.resize(16, 0);
    for half in [2_u16, 3] {
        elf.extend(half.to_le_bytes());
    }
    for word in [1_u32, 0x0804_8054, 52, 0, 0] {
        elf.extend(word.to_le_bytes());
    }
    for half in [52_u16, 32, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    let size = 84 + code.len() as u32;
    for word in [1, 0, 0x0804_8000, 0x0804_8000, size, size, 5, 0x1000] {
        elf.extend(u32::to_le_bytes(word));
    }
    elf.extend(code);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&elf).unwrap();
    drop(file);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = path.to_str().unwrap();
    if Command::new(path).status().is_err() {
        return skip("this kernel runs no 32-bit programs");
    }
    let end = finish(&["trace", "--", path]);
    assert_eq!(end.code, Some(5), "{}", end.stderr);
    assert!(end.stderr.contains("is a 32-bit program"), "{}", end.stderr);
}

#[test]
fn a_reader_that_goes_away_leaves_the_program_alone() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let script = format!(
        "import socket\nfor i in range(300):\n s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); \
         s.bind(('127.0.0.1',0)); s.close()\nopen({done:?},'w')"
    );
    let mut running = Running::start(udpraw(["trace", "--", &python, "-S", "-E", "-c", &script]));
    running.line();
    let end = running.close_stdout();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(done.exists(), "the program did not come to its end");
}
