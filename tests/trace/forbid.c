/* Runs a program in a sandbox: forbid ERRNO NAME ... -- PROGRAM ARGUMENT ... Each NAME is a system call
 * that fails with ERRNO in it and in all that it starts. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; int number; } calls[] = {
    {"process_vm_readv", SYS_process_vm_readv}, {"process_vm_writev", SYS_process_vm_writev},
    {"preadv", SYS_preadv}, {"seccomp", SYS_seccomp}, {"ptrace", SYS_ptrace},
};

int main(int argc, char **argv) {
    struct sock_filter steps[16];
    int length = 0, at = 2;
    if (argc < 4) return 2;
    steps[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (; at < argc && strcmp(argv[at], "--"); at++) {
        for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
            if (strcmp(argv[at], calls[i].name)) continue;
            steps[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
            steps[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(argv[1]));
        }
    }
    steps[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {length, steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
        perror("forbid");
        return 3;
    }
    execv(argv[at + 1], argv + at + 1);
    perror(argv[at + 1]);
    return 3;
}
