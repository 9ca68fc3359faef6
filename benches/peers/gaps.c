/* The gaps between datagrams that arrive at a port of loopback, whoever receives them: by the kernel's
 * timestamps, as a packet socket sees them (packet(7)). Needs CAP_NET_RAW.
 *
 *   gaps PORT SIZE RATE   prints `ready`, and once nothing has come for a second a line of JSON: the datagrams of
 *                         SIZE bytes, and how far their gaps are from those of RATE datagrams per second, in
 *                         nanoseconds
 *
 * A run that crosses the stack as one (UDP_SEGMENT) counts as its datagrams, with gaps of 0.
 *
 * gcc -O2 -o gaps gaps.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { MOST = 8 << 20, BATCH = 512, HEADERS = 20 + 8, IDLE = 50, LONGEST = 6000 };

static uint64_t errors[MOST];

static void check(int failed, const char *what)
{
    if (failed) {
        perror(what);
        exit(2);
    }
}

static int opened(int port)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 9}, /* the protocol */
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, IPPROTO_UDP},
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, 22}, /* the destination port */
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)port},
        {BPF_RET | BPF_K, 0, 0, 65535},
        {BPF_RET | BPF_K, 0, 0, 0},
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
    int one = 1, room = 64 << 20;
    int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
    check(fd < 0, "socket");
    check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), "SO_ATTACH_FILTER");
    check(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one), "PACKET_IGNORE_OUTGOING");
    check(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one), "SO_TIMESTAMPNS");
    check(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room), "SO_RCVBUFFORCE");
    address.sll_ifindex = (int)if_nametoindex("lo");
    check(bind(fd, (void *)&address, sizeof address), "bind");
    return fd;
}

static uint64_t stamp(struct msghdr *message)
{
    struct cmsghdr *one;
    for (one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one))
        if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(one), sizeof time);
            return time.tv_sec * 1000000000ull + time.tv_nsec;
        }
    return 0;
}

static int by_size(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

int main(int count, char **words)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec places[BATCH];
    static char bytes[BATCH][HEADERS], control[BATCH][64];
    struct tpacket_stats lost = {0};
    socklen_t length = sizeof lost;
    uint64_t datagrams = 0, gaps = 0, first = 0, last = 0;
    int idle = 0, waited = 0, fd;
    double period, at[4] = {0.5, 0.9, 0.99, 1};
    unsigned size;
    if (count != 4 || (size = (unsigned)atoi(words[2])) == 0 || atof(words[3]) <= 0) {
        fputs("gaps PORT SIZE RATE\n", stderr);
        return 2;
    }
    period = 1e9 / atof(words[3]);
    fd = opened(atoi(words[1]));
    puts("ready");
    fflush(stdout);
    while ((first ? idle < IDLE : 1) && waited++ < LONGEST) {
        int got;
        /* So that it does not take the CPU from those that it looks at. */
        usleep(20000);
        idle++;
        for (;;) {
            for (int i = 0; i < BATCH; i++) {
                places[i] = (struct iovec){bytes[i], HEADERS};
                messages[i].msg_hdr = (struct msghdr){.msg_iov = &places[i], .msg_iovlen = 1,
                    .msg_control = control[i], .msg_controllen = sizeof control[i]};
            }
            got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
            if (got <= 0)
                break;
            for (int i = 0; i < got; i++) {
                unsigned payload = messages[i].msg_len > HEADERS ? messages[i].msg_len - HEADERS : 0;
                uint64_t now = stamp(&messages[i].msg_hdr);
                if (!payload || payload % size || !now)
                    continue;
                idle = 0;
                if (!first)
                    first = now;
                for (unsigned run = 0; run < payload / size; run++) {
                    double error = (double)(int64_t)(now - last) - period;
                    if (datagrams++ && gaps < MOST)
                        errors[gaps++] = (uint64_t)(error < 0 ? -error : error);
                    last = now;
                }
            }
        }
        check(got < 0 && errno != EAGAIN && errno != EINTR, "recvmmsg");
    }
    check(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &length), "PACKET_STATISTICS");
    qsort(errors, gaps, sizeof *errors, by_size);
    printf("{\"event\": \"gaps\", \"datagrams\": %llu, \"seconds\": %.6f, \"unseen\": %u", (unsigned long long)datagrams,
        (double)(last - first) / 1e9, lost.tp_drops);
    for (int i = 0; i < 4; i++)
        printf(", \"%s\": %llu", (const char *[]){"p50", "p90", "p99", "max"}[i],
            (unsigned long long)(gaps ? errors[(uint64_t)(at[i] * (double)(gaps - 1))] : 0));
    puts("}");
    return 0;
}
