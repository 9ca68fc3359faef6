//! What a program leaves behind outlives its trace.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{PATIENCE, has, run, udpraw, wait_until};
use crate::{may_trace, python};

/// What a daemon leaves behind works on after the first signal, and can be ended as before.
#[test]
fn a_daemon_outlives_its_trace() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let folder = tempfile::tempdir().unwrap();
        let (work, trace) = (folder.path().join("work"), folder.path().join("trace"));
        let daemon = format!(
            "import os,socket,time\nos.setsid()\nwork=open({work:?},'w')\nprint(os.getpid(),file=work,flush=True)\n\
             while True:\n s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('127.0.0.1',0))\n \
             s.sendto(b'x',s.getsockname()); s.recv(9); s.close()\n \
             print('done',file=work,flush=True); time.sleep(.002)"
        );
        let script = format!("{python} -S -E -c \"$1\" & echo started; exit 7");
        let mut command = udpraw([
            "trace",
            "-o",
            trace.to_str().unwrap(),
            "--",
            "sh",
            "-c",
            &script,
            "sh",
            &daemon,
        ]);
        // The daemon inherits them, and would keep a pipe open.
        command.stderr(std::fs::File::create(folder.path().join("notes")).unwrap());
        let lines = || {
            std::fs::read_to_string(&work)
                .unwrap_or_default()
                .lines()
                .count()
        };
        command.stdout(std::fs::File::create(folder.path().join("stdout")).unwrap());
        let mut tracer = command.spawn().unwrap();
        wait_until("the daemon works", || lines() > 3);
        let tracer_id = Pid::from_raw(tracer.id() as i32);
        let began = Instant::now();
        // The shell may still run, and would get the first one; the daemon has left its group.
        let status = loop {
            let _ = kill(tracer_id, signal);
            std::thread::sleep(Duration::from_millis(100));
            if let Some(status) = tracer.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not leave");
        };
        let notes = std::fs::read_to_string(folder.path().join("notes")).unwrap();
        assert_eq!(status.code(), Some(7), "{notes}");
        assert!(notes.contains("stays in the background"), "{notes}");
        let before = lines();
        wait_until("the daemon works on", || lines() > before + 20);
        let text = std::fs::read_to_string(&work).unwrap();
        let pid: i32 = text.lines().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        wait_until("the daemon ends", || {
            kill(Pid::from_raw(pid), None).is_err()
        });
    }
}

#[test]
fn dnsmasq_outlives_its_trace() {
    if !(may_trace() && has("dnsmasq") && has("dig")) {
        return;
    }
    let port = crate::foreign::free_port();
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let user = run({
        let mut id = Command::new("id");
        id.arg("-un");
        id
    });
    let words = [
        "--conf-file=/dev/null".to_owned(),
        format!("--pid-file={}", pid_file.display()),
        format!("--port={port}"),
        "--listen-address=127.0.0.1".to_owned(),
        "--bind-interfaces".to_owned(),
        "--no-resolv".to_owned(),
        "--no-hosts".to_owned(),
        "--address=/traced.test/127.0.0.9".to_owned(),
        format!("--user={}", user.stdout.trim()),
    ];
    let trace = folder.path().join("trace");
    let mut command = udpraw(["trace", "-o", trace.to_str().unwrap(), "--", "dnsmasq"]);
    command
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut tracer = command.spawn().unwrap();
    let ask = || {
        let mut dig = Command::new("dig");
        dig.args([
            "@127.0.0.1",
            "-p",
            &port,
            "traced.test",
            "+short",
            "+tries=1",
            "+time=1",
        ]);
        run(dig).stdout.trim() == "127.0.0.9"
    };
    wait_until("it answers", ask);
    kill(Pid::from_raw(tracer.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(tracer.wait().unwrap().code(), Some(0));
    assert!(ask() && ask());
    let pid = std::fs::read_to_string(pid_file).unwrap();
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGTERM).unwrap();
    wait_until("it ends", || !ask());
}
