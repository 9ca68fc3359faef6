/* The plain UDP loop in C, the peer that our plain loop is measured against.
 *
 *   plain serve PORT             echo each datagram to its sender: recvfrom, sendto
 *   plain ask PORT SIZE SECONDS  one request outstanding: prints round trips a second
 *   plain sink PORT              receive until nothing comes any more: prints datagrams, bytes, seconds
 *   plain flood PORT SIZE SECONDS  send as fast as it goes: prints how many datagrams were sent
 *   plain loop COUNT SIZE        one process, two sockets: COUNT rounds, for counting instructions
 *
 *   plain others COUNT CALL [filtered]  COUNT system calls that touch no socket (lseek, fstat, or pread of
 *                                4 KiB): prints the CPU seconds that they took; filtered: under a seccomp
 *                                filter that allows everything, the least that any filter costs
 *
 * `serve` consents to a bench (src/protocol/consent.rs), so that `udpraw bench --server` may ask it.
 *
 * gcc -O2 -o plain plain.c. On 127.0.0.1 alone. */
#include <fcntl.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char buffer[65535];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int bound(int port, struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (void *)address, length) || getsockname(fd, (void *)address, &length)) {
        perror("plain");
        exit(2);
    }
    return fd;
}

static int others(long count, const char *call, int filtered)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {1, &allow};
    /* With a socket, so that a tracer's filter is all there. */
    struct sockaddr_in here;
    int socket = bound(0, &here), file = open("/proc/self/exe", O_RDONLY), what = *call;
    struct stat status;
    double start;
    if (filtered && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &filter)))
        return perror("plain"), 2;
    for (start = cpu_seconds(); count > 0; count--)
        if (what == 'l')
            lseek(file, count & 7, SEEK_SET);
        else if (what == 'f')
            fstat(file, &status);
        else if (pread(file, buffer, 4096, 0) < 0)
            return perror("plain"), 2;
    printf("%.6f\n", cpu_seconds() - start);
    return socket < 0;
}

static void serve_one(int fd)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    ssize_t size = recvfrom(fd, buffer, sizeof buffer, 0, (void *)&peer, &length);
    if (size == 40 && !memcmp(buffer, "udpraw?\1\1", 10)) { /* a question: the tenth byte is 0 */
        buffer[8] = 2; /* an answer */
        buffer[9] = 2; /* from an echo */
    }
    if (size >= 0)
        sendto(fd, buffer, size, 0, (void *)&peer, length);
}

int main(int argc, char **argv)
{
    struct sockaddr_in here, there;
    if (argc == 3 && !strcmp(argv[1], "serve")) {
        int fd = bound(atoi(argv[2]), &here);
        for (;;)
            serve_one(fd);
    }
    if (argc == 5 && !strcmp(argv[1], "ask")) {
        struct timeval patience = {0, 200000};
        int fd = bound(0, &here), size = atoi(argv[3]);
        long rounds = 0;
        double start = seconds(), end = start + atof(argv[4]);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        there = here;
        there.sin_port = htons(atoi(argv[2]));
        if (connect(fd, (void *)&there, sizeof there))
            return perror("plain"), 2;
        while (seconds() < end)
            for (int i = 0; i < 64; i++) {
                send(fd, buffer, size, 0);
                rounds += recv(fd, buffer, sizeof buffer, 0) >= 0;
            }
        printf("%.0f\n", rounds / (seconds() - start));
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "sink")) {
        struct timeval patience = {3, 0};
        int fd = bound(atoi(argv[2]), &here), buffers = 4 << 20;
        long datagrams = 0, bytes = 0;
        double start = 0, last = 0;
        ssize_t size;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffers, sizeof buffers);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        while ((size = recv(fd, buffer, sizeof buffer, 0)) >= 0) {
            if (!datagrams) {
                start = seconds();
                patience.tv_sec = 0;
                patience.tv_usec = 300000;
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            }
            bytes += size;
            if (datagrams++ % 64 == 0)
                last = seconds();
        }
        printf("%ld %ld %.6f\n", datagrams, bytes, last - start);
        return 0;
    }
    if (argc == 5 && !strcmp(argv[1], "flood")) {
        int fd = bound(0, &here), size = atoi(argv[3]);
        long sent = 0;
        double end = seconds() + atof(argv[4]);
        there = here;
        there.sin_port = htons(atoi(argv[2]));
        while (seconds() < end)
            for (int i = 0; i < 64; i++)
                sent += sendto(fd, buffer, size, 0, (void *)&there, sizeof there) >= 0;
        printf("%ld\n", sent);
        return 0;
    }
    if (argc == 4 && !strcmp(argv[1], "loop")) {
        int server = bound(0, &there), client = bound(0, &here), size = atoi(argv[3]);
        for (long left = atol(argv[2]); left > 0; left--) {
            sendto(client, buffer, size, 0, (void *)&there, sizeof there);
            serve_one(server);
            recvfrom(client, buffer, sizeof buffer, 0, NULL, NULL);
        }
        return 0;
    }
    if (argc >= 4 && !strcmp(argv[1], "others"))
        return others(atol(argv[2]), argv[3], argc == 5);
    return fprintf(stderr, "usage: plain serve PORT | ask PORT SIZE SECONDS | sink PORT | flood PORT SIZE SECONDS"
                           " | loop COUNT SIZE | others COUNT lseek|fstat|pread [filtered]\n"), 2;
}
