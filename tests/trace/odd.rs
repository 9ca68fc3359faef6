//! Programs that are odd in one way: confined, of two architectures, sharing what others do not.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::common::{Finished, Running, Server, has, run, skip, udpraw};
use crate::{may_trace, ours, python};

/// Traces a C program.
pub(crate) fn traced(text: &str) -> Option<(Finished, String)> {
    if !(may_trace() && has("gcc")) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("odd.c"), folder.path().join("odd"));
    std::fs::write(&source, text).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.args(["-D_GNU_SOURCE", "-pthread", "-o"])
        .arg(&program)
        .arg(&source);
    let built = run(gcc);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    Some(ours(&[], &[program.to_str().unwrap()]))
}

const HEADERS: &str = "#include <arpa/inet.h>\n#include <errno.h>\n#include <sched.h>\n\
    #include <signal.h>\n#include <stddef.h>\n#include <sys/prctl.h>\n#include <sys/socket.h>\n\
    #include <sys/syscall.h>\n#include <sys/wait.h>\n#include <unistd.h>\n\
    #include <linux/filter.h>\n#include <linux/seccomp.h>\n";

/// Whatever a sandbox forbids, the tracer must not do on the program's behalf: here it would be killed.
#[test]
fn a_program_in_a_sandbox_of_its_own_lives_and_is_seen() {
    let main = "int main(void) {\n\
        struct sock_filter steps[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_seccomp},\n\
          {6, 0, 0, SECCOMP_RET_KILL_PROCESS}, {6, 0, 0, SECCOMP_RET_ALLOW}};\n\
        struct sock_fprog filter = {4, steps};\n\
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &filter)) return 9;\n\
        int fd = socket(AF_INET, SOCK_DGRAM, 0); write(fd, \"x\", 1); return close(fd); }\n";
    let Some((end, trace)) = traced(&format!("{HEADERS}{main}")) else {
        return;
    };
    assert_eq!(end.code, Some(0), "{trace}{}", end.stderr);
    for want in ["socket(AF_INET", "write(3, \"x\", 1)", "close(3)"] {
        assert_eq!(trace.matches(want).count(), 1, "{want} in {trace}");
    }
}

/// A call that the program has forbidden itself is still one that it makes.
#[test]
fn calls_that_a_sandbox_refuses_are_seen() {
    let main = "int main(void) {\n\
        struct sock_filter steps[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_socket},\n\
          {6, 0, 0, SECCOMP_RET_ERRNO | EACCES}, {6, 0, 0, SECCOMP_RET_ALLOW}};\n\
        struct sock_fprog filter = {4, steps};\n\
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 9;\n\
        if (WAY) return 9;\n\
        return socket(AF_INET, SOCK_DGRAM, 0) >= 0; }\n";
    for way in [
        "prctl(PR_SET_SECCOMP, 2, &filter)",
        "syscall(SYS_seccomp, 1, 0, &filter)",
    ] {
        let Some((end, trace)) = traced(&format!("{HEADERS}{main}").replace("WAY", way)) else {
            return;
        };
        assert_eq!(end.code, Some(0), "{trace}{}", end.stderr);
        let want = "socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = -1 EACCES";
        assert_eq!(trace.matches(want).count(), 1, "{trace}");
    }
}

#[test]
fn calls_of_another_architecture_are_said_to_be_hidden_once() {
    if !cfg!(target_arch = "x86_64") {
        return skip("int 0x80 is x86's");
    }
    let main = "static int by80(int n, int a, int b, int c) { int r;\n\
        __asm__ volatile(\"int $0x80\" : \"=a\"(r) : \"a\"(n), \"b\"(a), \"c\"(b), \"d\"(c) : \"memory\");\n\
        return r; }\n\
        int main(void) { by80(359, AF_INET, SOCK_DGRAM, 0); by80(359, AF_INET, SOCK_DGRAM, 0);\n\
        by80(20, 0, 0, 0); return close(socket(AF_INET, SOCK_DGRAM, 0)); }\n";
    let Some((end, trace)) = traced(&format!("{HEADERS}{main}")) else {
        return;
    };
    if end.code == Some(128 + 11) {
        return skip("this kernel has no int 0x80");
    }
    assert_eq!(end.code, Some(0), "{trace}{}", end.stderr);
    assert_eq!(end.stderr.matches("int 0x80").count(), 1, "{}", end.stderr);
    assert!(
        trace.contains(" socket(AF_INET") && trace.contains(" close("),
        "{trace}"
    );
}

/// What the child opens and closes, the parent has and has lost.
#[test]
fn processes_that_share_their_descriptors_are_followed() {
    let main = "static int fd; static char stack[65536];\n\
        static int child(void *unused) { fd = socket(AF_INET, SOCK_DGRAM, 0); return fd; }\n\
        int main(void) { int status;\n\
        int own = socket(AF_INET, SOCK_DGRAM, 0);\n\
        waitpid(clone(child, stack + 65536, CLONE_FILES | SIGCHLD, 0), &status, 0);\n\
        int theirs = WEXITSTATUS(status);\n\
        write(theirs, \"shared\", 6); close(theirs);\n\
        char *words[] = {\"true\", 0};\n\
        if (!fork()) execvp(\"true\", words);\n\
        wait(0); write(own, \"own\", 3); return close(own); }\n";
    let Some((end, trace)) = traced(&format!("{HEADERS}{main}")) else {
        return;
    };
    assert_eq!(end.code, Some(0), "{trace}{}", end.stderr);
    for (want, times) in [
        (" socket(AF_INET", 2),
        (" write(4, \"shared\", 6)", 1),
        (" close(4)", 1),
        (" write(3, \"own\", 3)", 1),
        (" close(3)", 1),
        ("exited with", 3),
    ] {
        assert_eq!(trace.matches(want).count(), times, "{want} in {trace}");
    }
}

#[test]
fn without_follow_what_a_program_starts_runs_untraced() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let script = format!(
        "import socket,os,sys\nsocket.socket(socket.AF_INET,socket.SOCK_DGRAM).bind(('127.0.0.1',0))\n\
         sys.exit(os.spawnv(os.P_WAIT,{python:?},['python3','-S','-E','-c',\
         'import socket; socket.socket(socket.AF_INET6,socket.SOCK_DGRAM); raise SystemExit(4)']))"
    );
    let program = [python.as_str(), "-S", "-E", "-c", &script];
    for (options, sixes) in [(&["--no-follow"][..], 0), (&[], 1)] {
        let (end, trace) = ours(options, &program);
        assert_eq!(end.code, Some(4), "{trace}{}", end.stderr);
        assert_eq!(
            trace.matches("socket(AF_INET, SOCK_DGRAM").count(),
            1,
            "{trace}"
        );
        assert_eq!(trace.matches("socket(AF_INET6").count(), sixes, "{trace}");
    }
}

#[test]
fn a_process_of_another_user_is_refused_with_the_reason() {
    if !(may_trace() && has("setpriv")) {
        return;
    }
    if !geteuid().is_root() {
        return skip("only root can become another user");
    }
    // Another user may not be let into the folder of the build.
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let copy = folder.path().join("udpraw");
    std::fs::copy(env!("CARGO_BIN_EXE_udpraw"), &copy).unwrap();
    let server = Server::start(&[]);
    let pid = server.running.id().to_string();
    let end = run(as_nobody(&copy, &["trace", "-p", &pid]));
    assert_eq!(end.code, Some(2), "{}", end.stdout);
    for want in [
        "EPERM",
        "belongs to user 0",
        "run this as that user, or as root",
    ] {
        assert!(end.stderr.contains(want), "no {want} in {}", end.stderr);
    }
    // Its own process it may trace, or is told of the sysctl.
    let mut command = as_nobody(Path::new("sh"), &["-c", "echo; exec sleep 20"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sleeper = Running::start(command);
    sleeper.line();
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    if scope.is_ok_and(|scope| scope.trim() != "0") {
        let end = run(as_nobody(
            &copy,
            &["trace", "-p", &sleeper.id().to_string()],
        ));
        assert_eq!(end.code, Some(2));
        assert!(
            end.stderr.contains("kernel.yama.ptrace_scope"),
            "{}",
            end.stderr
        );
    }
    assert_eq!(server.interrupt().code, Some(0));
}

fn as_nobody(program: &Path, arguments: &[&str]) -> Command {
    let mut command = udpraw::<&str>([]);
    let environment: Vec<_> = command.get_envs().map(|(k, _)| k.to_owned()).collect();
    command = Command::new("setpriv");
    for name in environment {
        command.env_remove(name);
    }
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(program).args(arguments).stdin(Stdio::null());
    command
}
