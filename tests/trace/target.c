/* A process to be traced and let go: target KIND FILE. It counts its work in the first eight bytes of
 * FILE, which is what a test looks at to see that it goes on. It ends when its parent does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long *work;

static void count(void) { __atomic_add_fetch(work, 1, __ATOMIC_RELAXED); }

static void nap(long micros) {
    struct timespec time = {micros / 1000000, micros % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static void *once(void *unused) {
    count();
    return unused;
}

static void *always(void *unused) {
    for (;;) {
        count();
        nap(5000);
    }
    return unused;
}

static void start(void *(*body)(void *), int threads) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, body, NULL)) exit(3);
    }
}

static char **words;

static void *again(void *unused) {
    execv("/proc/self/exe", words);
    return unused;
}

static void on_signal(int number) { (void)number; count(); }

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *kind = argv[1];
    words = argv;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(argv[2], O_RDWR | O_CLOEXEC);
    work = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (work == MAP_FAILED) return 3;
    if (!strcmp(kind, "fork")) {
        for (;;) {
            pid_t child = fork();
            if (!child) { count(); _exit(0); }
            waitpid(child, NULL, 0);
        }
    } else if (!strcmp(kind, "vfork")) {
        for (;;) {
            pid_t child = vfork();
            if (!child) { execl("/bin/true", "true", (char *)NULL); _exit(1); }
            waitpid(child, NULL, 0);
            count();
        }
    } else if (!strcmp(kind, "vfork-sleep")) {
        /* The parent cannot be stopped as long as the child sleeps. */
        for (;;) {
            pid_t child = vfork();
            if (!child) { count(); nap(1000000); _exit(0); }
            waitpid(child, NULL, 0);
        }
    } else if (!strcmp(kind, "thread")) {
        for (;;) {
            pthread_t thread;
            if (!pthread_create(&thread, NULL, once, NULL)) pthread_join(thread, NULL);
        }
    } else if (!strcmp(kind, "threads")) {
        start(always, argc > 3 ? atoi(argv[3]) : 400);
        always(NULL);
    } else if (!strcmp(kind, "leader")) {
        start(always, 3);
        pthread_exit(NULL);
    } else if (!strcmp(kind, "exec")) {
        /* A thread that is not the first one runs this program again. */
        count();
        start(always, 2);
        nap(2000);
        pthread_t thread;
        pthread_create(&thread, NULL, again, NULL);
        always(NULL);
    } else if (!strcmp(kind, "signals")) {
        signal(SIGUSR1, on_signal);
        for (;;) { raise(SIGUSR1); nap(100); }
    } else if (!strcmp(kind, "socket")) {
        for (;;) {
            int made = socket(AF_INET, SOCK_DGRAM, 0);
            if (made < 0) return 4;
            close(made);
            count();
            nap(1000);
        }
    }
    return 2;
}
