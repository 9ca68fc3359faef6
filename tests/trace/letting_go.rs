//! What `trace` meets and does not own runs on as it was.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{self, PATIENCE, Running, Server, finish, has, run, skip, udpraw, wait_until};
use crate::{may_trace, ours, python};

/// A C program of this folder; its own folder goes with the value.
pub(crate) fn built(name: &str) -> Option<tempfile::TempDir> {
    if !has("gcc") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/trace/{name}.c"));
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-pthread", "-o"])
        .arg(folder.path().join(name))
        .arg(source);
    let end = run(gcc);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    Some(folder)
}

/// A process that counts its work in a file; killed with the value.
struct Target {
    child: Child,
    work: PathBuf,
    _folder: tempfile::TempDir,
}

impl Target {
    fn start(words: &[&str]) -> Option<Self> {
        if !may_trace() {
            return None;
        }
        let folder = built("target")?;
        let work = folder.path().join("work");
        std::fs::write(&work, [0; 4096]).unwrap();
        let mut command = Command::new(folder.path().join("target"));
        command
            .arg(words[0])
            .arg(&work)
            .args(&words[1..])
            .stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let target = Self {
            child,
            work,
            _folder: folder,
        };
        target.assert_works();
        Some(target)
    }

    fn id(&self) -> String {
        self.child.id().to_string()
    }

    fn work(&self) -> u64 {
        let bytes = std::fs::read(&self.work).unwrap();
        u64::from_ne_bytes(*bytes.first_chunk().unwrap())
    }

    /// Its work goes on.
    fn assert_works(&self) {
        let before = self.work();
        wait_until("its work goes on", || self.work() != before);
    }

    /// No thread of it is stopped or traced.
    fn assert_free(&self) {
        for thread in self.threads() {
            let status =
                std::fs::read_to_string(format!("/proc/{}/task/{thread}/status", self.id()));
            let status = status.unwrap_or_default();
            assert!(!status.contains("\nState:\tt"), "{status}");
            assert!(
                !status.contains("\nTracerPid:\t") || status.contains("\nTracerPid:\t0\n"),
                "{status}"
            );
        }
    }

    fn threads(&self) -> Vec<String> {
        let entries = std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    fn state(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let state = status
            .lines()
            .find_map(|line| line.strip_prefix("State:\t"));
        state.unwrap_or_default()[..1].to_owned()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Attaches, and waits until that is done.
fn attach(pid: &str, options: &[&str]) -> Running {
    let mut tracer = Running::start(udpraw([&["trace", "--json", "-p", pid], options].concat()));
    assert!(tracer.line().contains("\"event\":\"program\""));
    tracer
}

/// The kinds of `scripts/measure-detach`, a few rounds each; the first of them during the attach.
#[test]
fn what_was_attached_to_is_let_go_whatever_it_does() {
    for kind in [
        "fork",
        "vfork",
        "vfork-sleep",
        "thread",
        "threads",
        "leader",
        "exec",
        "signals",
    ] {
        let Some(target) = Target::start(&[kind]) else {
            return;
        };
        for round in 0..3 {
            let mut command = udpraw(["trace", "-p", &target.id()]);
            command.stdout(Stdio::null());
            let mut tracer = command.spawn().unwrap();
            std::thread::sleep(Duration::from_millis([5, 40, 120][round]));
            let began = Instant::now();
            kill(Pid::from_raw(tracer.id() as i32), Signal::SIGINT).unwrap();
            let status = tracer.wait().unwrap();
            // A hang would last.
            assert!(
                began.elapsed() < PATIENCE / 2,
                "{kind}: {:?}",
                began.elapsed()
            );
            assert!(
                status.code().is_none_or(|code| code == 0),
                "{kind}: {status}"
            );
            target.assert_free();
            target.assert_works();
        }
    }
}

#[test]
fn many_threads_are_no_reason_to_end_anything() {
    let Some(target) = Target::start(&["threads", "1100"]) else {
        return;
    };
    wait_until("1100 threads", || target.threads().len() == 1101);
    let tracer = attach(&target.id(), &[]);
    tracer.signal(Signal::SIGINT);
    // On a busy machine the bound of 0.8 s may come first: then the kernel lets go of what is left.
    assert!([Some(0), None].contains(&tracer.finish().code));
    target.assert_free();
    let end = finish(&["trace", "--max-processes", "50", "-p", &target.id()]);
    assert_eq!(end.code, Some(2), "{}", end.stderr);
    for want in [
        "more than 50 processes",
        "detached from all",
        "--max-processes",
    ] {
        assert!(end.stderr.contains(want), "no {want} in {}", end.stderr);
    }
    target.assert_free();
    target.assert_works();
}

#[test]
fn a_stopped_process_stays_stopped() {
    let Some(target) = Target::start(&["threads", "3"]) else {
        return;
    };
    let pid = Pid::from_raw(target.child.id() as i32);
    kill(pid, Signal::SIGSTOP).unwrap();
    wait_until("it stops", || target.state() == "T");
    let work = target.work();
    let tracer = attach(&target.id(), &[]);
    tracer.signal(Signal::SIGINT);
    assert_eq!(tracer.finish().code, Some(0));
    assert_eq!((target.state().as_str(), target.work()), ("T", work));
    kill(pid, Signal::SIGCONT).unwrap();
    target.assert_works();
    // It may also be stopped and continued while it is traced.
    let mut tracer = attach(&target.id(), &[]);
    kill(pid, Signal::SIGSTOP).unwrap();
    while !tracer.line().contains("SIGSTOP") {}
    kill(pid, Signal::SIGCONT).unwrap();
    target.assert_works();
    tracer.signal(Signal::SIGINT);
    assert_eq!(tracer.finish().code, Some(0));
    target.assert_works();
}

/// A first thread that has ended, and any thread's id.
#[test]
fn any_live_thread_leads_to_its_process() {
    let Some(target) = Target::start(&["leader"]) else {
        return;
    };
    wait_until("its first thread ends", || target.state() == "Z");
    for thread in target.threads() {
        let tracer = attach(&thread, &[]);
        tracer.signal(Signal::SIGINT);
        assert_eq!(tracer.finish().code, Some(0));
        target.assert_free();
        target.assert_works();
    }
}

#[test]
fn a_closed_pipe_lets_go_of_what_was_attached_to() {
    let Some(target) = Target::start(&["socket"]) else {
        return;
    };
    let mut tracer = Running::start(udpraw(["trace", "-p", &target.id()]));
    assert!(tracer.line().contains("socket("));
    let end = tracer.close_stdout();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""));
    target.assert_free();
    target.assert_works();
}

#[test]
fn the_reason_of_a_refusal_is_the_true_one() {
    if !may_trace() {
        return;
    }
    let mut zombie = Command::new("true").spawn().unwrap();
    let pid = zombie.id().to_string();
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    wait_until("a zombie", || state().contains(") Z "));
    let end = finish(&["trace", "-p", &pid]);
    assert!(
        end.stderr.contains("it has ended, and is a zombie"),
        "{}",
        end.stderr
    );
    zombie.wait().unwrap();
    let mut shell = Command::new("sh");
    let script = format!("exec {} trace -p $$", env!("CARGO_BIN_EXE_udpraw"));
    shell.args(["-c", &script]).stdin(Stdio::null());
    let end = run(shell);
    assert_eq!(end.code, Some(2), "{}", end.stderr);
    assert!(
        end.stderr.contains("this is udpraw itself"),
        "{}",
        end.stderr
    );
    let is_kernel =
        std::fs::read_to_string("/proc/2/comm").is_ok_and(|name| name.starts_with("kthreadd"));
    if is_kernel && nix::unistd::geteuid().is_root() {
        let end = finish(&["trace", "-p", "2"]);
        assert!(end.stderr.contains("a kernel thread"), "{}", end.stderr);
    } else {
        skip("process 2 is not the kernel's, or this is not root")
    }
}

/// An observer changes nothing: neither the CPUs of a program, nor whether its child can make sockets.
#[test]
fn a_traced_program_sees_no_difference() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let script = "import os,socket\nwant=os.sched_getaffinity(0)\n\
        for i in range(2000):\n s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n \
        assert os.sched_getaffinity(0)==want\n s.close()\n\
        for i in range(30):\n \
        if not os.fork(): os._exit(os.sched_getaffinity(0)!=want)\n \
        assert os.wait()[1]==0\n";
    let (end, _) = ours(&[], &[&python, "-S", "-E", "-c", script]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
}

#[test]
fn a_child_that_no_tracer_shall_follow_can_make_sockets() {
    let Some((end, trace)) = crate::odd::traced(
        "#include <sched.h>\n#include <signal.h>\n#include <sys/socket.h>\n#include <sys/syscall.h>\n\
         #include <sys/wait.h>\n#include <unistd.h>\n\
         int main(void) { int status; for (int i = 0; i < 3; i++) {\n\
         long pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);\n\
         if (!pid) _exit(socket(AF_INET, SOCK_DGRAM, 0) < 0);\n\
         if (waitpid(pid, &status, __WALL) != pid || status) return 1; }\n\
         return syscall(SYS_clone, CLONE_UNTRACED | CLONE_THREAD | SIGCHLD, 0, 0, 0, 0) != -1; }\n",
    ) else {
        return;
    };
    assert_eq!(end.code, Some(0), "{trace}{}", end.stderr);
    assert_eq!(trace.matches("socket(AF_INET").count(), 3, "{trace}");
}

/// An exec by one thread while another is at a call that the tracer makes for it.
#[test]
fn an_exec_beside_new_sockets_is_survived() {
    let Some((end, trace)) = crate::odd::traced(
        "#include <pthread.h>\n#include <stdlib.h>\n#include <sys/socket.h>\n#include <unistd.h>\n\
         #include <stdio.h>\n\
         static void *work(void *unused) { for (;;) socket(AF_INET, SOCK_DGRAM, 0); return unused; }\n\
         int main(int argc, char **argv) { int left = argc > 1 ? atoi(argv[1]) : 40;\n\
         for (int fd = 3; fd < 1024; fd++) close(fd);\n\
         if (!left) return 6;\n\
         pthread_t thread; for (int i = 0; i < 3; i++) pthread_create(&thread, 0, work, 0);\n\
         usleep(left * 50); char next[9]; sprintf(next, \"%d\", left - 1);\n\
         char *words[] = {argv[0], next, 0}; execv(\"/proc/self/exe\", words); return 9; }\n",
    ) else {
        return;
    };
    assert_eq!(end.code, Some(6), "{}", end.stderr);
    assert!(trace.contains("exited with 6"));
}

/// A shell's earlier children are none of ours, and neither waited for nor in the way.
#[test]
fn children_that_were_there_before_are_left_alone() {
    if !may_trace() {
        return;
    }
    let mut shell = Command::new("sh");
    let script = format!(
        "true & sleep 30 & echo $!; exec {} trace -o /dev/null -- sh -c 'true & true; exit 4'",
        env!("CARGO_BIN_EXE_udpraw")
    );
    shell.args(["-c", &script]).stdin(Stdio::null());
    shell.stdout(Stdio::piped()).stderr(Stdio::null());
    let began = Instant::now();
    let mut running = Running::start(shell);
    let sleeper: i32 = running.line().parse().unwrap();
    wait_until("it ends", || {
        std::fs::read_to_string(format!("/proc/{}/stat", running.id()))
            .is_ok_and(|stat| stat.contains(") Z "))
    });
    assert!(began.elapsed() < PATIENCE);
    kill(Pid::from_raw(sleeper), Signal::SIGKILL).unwrap();
    assert_eq!(running.finish().code, Some(4));
}

#[test]
fn a_server_answers_before_under_and_after_a_trace() {
    if !may_trace() {
        return;
    }
    let server = Server::start(&["--reply", "echo"]);
    let client = server.client();
    for round in 0..5 {
        let tracer = attach(&server.running.id().to_string(), &[]);
        assert_eq!(common::ask(&client, &[round]), [round]);
        tracer.signal(Signal::SIGTERM);
        assert_eq!(common::ask(&client, b"meanwhile"), b"meanwhile");
        assert_eq!(tracer.finish().code, Some(0));
    }
    assert_eq!(server.interrupt().code, Some(0));
}
