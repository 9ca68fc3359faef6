/* System calls on sockets with odd arguments: each call with each length from 0 to what it takes and
 * beyond, pointers that lead nowhere or to memory that ends, families that do not fit, huge counts.
 * A trace of it is compared with strace's, line by line. The part to run is the argument. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char *page;              /* its last byte is the last before memory that is not there */
static char *const nowhere = (char *)0x7f00deadb000;
#define SIZE 8192
/* Memory of which only the last so many bytes are there. */
static char *half(int there) { return page + SIZE - there; }
/* Bytes that end where memory ends. */
static char *at_end(const void *bytes, int length) {
    char *at = page + SIZE - length;
    memmove(at, bytes, length);
    return at;
}
static int udp(void) { return syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0); }
static struct sockaddr_in home;  /* where `target` is bound */
static int target;

static void drain(int fd) {
    char bytes[4096];
    while (syscall(SYS_recvfrom, fd, bytes, sizeof bytes, MSG_DONTWAIT, NULL, NULL) >= 0) {}
    while (syscall(SYS_recvfrom, fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_ERRQUEUE, NULL, NULL) >= 0) {}
}

static void sockets(void) {
    static const long families[] = {0, 1, 2, 10, 16, 17, 38, 40, 44, 45, 46, 99, -1};
    static const long types[] = {0, 1, 2, 3, 5, 6, 7, 10, 15, 2 | SOCK_CLOEXEC, 2 | SOCK_NONBLOCK,
                                 2 | SOCK_CLOEXEC | SOCK_NONBLOCK, 2 | 0x100, 9 | SOCK_CLOEXEC, -1};
    static const long protocols[] = {0, 1, 6, 17, 58, 99, 136, 143, 262, -1, 0x300, 0x8};
    for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
        for (unsigned j = 0; j < sizeof types / sizeof *types; j++)
            for (unsigned k = 0; k < sizeof protocols / sizeof *protocols; k++) {
                if ((i + j + k) % 3 && j != 2 && k) continue;
                int fd = syscall(SYS_socket, families[i], types[j], protocols[k]);
                if (fd >= 0) close(fd);
            }
    int two[2];
    for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
        for (unsigned j = 0; j < sizeof types / sizeof *types; j += 2)
            if (syscall(SYS_socketpair, families[i], types[j], j % 3, two) == 0) close(two[0]), close(two[1]);
    syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, NULL);
    syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, nowhere);
    syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, half(7));
}

/* Addresses of each family at each length, in every call that takes one. */
static void addresses(void) {
    int fd = udp(), local = syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
    static const int families[] = {0, 1, 2, 10, 16, 17, 40, 99, 200, 0xffff};
    for (unsigned f = 0; f < sizeof families / sizeof *families; f++)
        for (int fill = 0; fill < 5; fill++)
            for (int length = 0; length <= 130; length++) {
                if (families[f] != 1 && length > 34 && length < 125) continue;
                if (fill > 2 && families[f] == 1 && length > 4 && length < 105) continue;
                unsigned char bytes[132];
                for (unsigned i = 0; i < sizeof bytes; i++)
                    bytes[i] = fill == 0 ? 0 : fill == 1 ? 'a' : fill == 2 ? i * 7 + 3 : fill == 3 ? (i == 2 ? 0 : 'b') : (i % 5 ? 0x30 + i % 10 : 0xff);
                bytes[0] = families[f], bytes[1] = families[f] >> 8;
                if (families[f] == 10 && fill == 3) bytes[8] = 0xfe, bytes[9] = 0x80, memset(bytes + 24, 0, 4), bytes[24] = 1;
                if (families[f] == 10 && fill == 4) bytes[8] = 0xff, bytes[9] = 0x02, memset(bytes + 24, 0, 4), bytes[24] = 1;
                if (families[f] == 17 && fill == 3) memset(bytes + 4, 0, 8), bytes[4] = 1, bytes[2] = 8, bytes[3] = 0, bytes[11] = 6;
                if (families[f] == 16 && fill == 3) memset(bytes + 2, 0, 10), bytes[8] = 1;
                char *there = at_end(bytes, length > 132 ? 132 : length);
                if (fill % 2) syscall(SYS_connect, families[f] == 1 ? local : fd, there, (long)length);
                else syscall(SYS_sendto, families[f] == 1 ? local : fd, "x", 1L, (long)MSG_DONTWAIT, there, (long)length);
            }
    for (int there = 0; there < 18; there++) {
        syscall(SYS_bind, fd, half(there), 16L);
        syscall(SYS_connect, fd, half(there), 130L);
        syscall(SYS_sendto, fd, "x", 1L, 0L, half(there), 16L);
    }
    static const long lengths[] = {-1, -2147483648L, 0x7fffffff, 0x100000010L, 1000, 129, 128};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        syscall(SYS_bind, fd, page, lengths[i]);
        syscall(SYS_connect, fd, NULL, lengths[i]);
        syscall(SYS_bind, fd, nowhere, lengths[i]);
        syscall(SYS_sendto, fd, "x", 1L, 0L, page, lengths[i]);
    }
    close(fd), close(local);
}

/* Addresses that the kernel writes. */
static void names(void) {
    int two[2], fd = udp(), six = syscall(SYS_socket, AF_INET6, SOCK_DGRAM, 0);
    int link = syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0), local = syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
    syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, two);
    struct sockaddr_un path = {AF_UNIX, "\0odd"};
    syscall(SYS_bind, local, &path, 6L);
    int sockets[] = {fd, six, link, two[0], local, -1, 0};
    for (unsigned s = 0; s < sizeof sockets / sizeof *sockets; s++)
        for (int length = -1; length <= 30; length++) {
            unsigned size = length;
            memset(page, 0, 64);
            syscall(SYS_getsockname, sockets[s], page, &size);
            size = length;
            if (length % 3 == 0) syscall(SYS_getpeername, sockets[s], page, &size);
        }
    unsigned size = 200;
    syscall(SYS_getsockname, fd, NULL, &size);
    syscall(SYS_getsockname, fd, page, NULL);
    syscall(SYS_getsockname, fd, page, nowhere);
    syscall(SYS_getsockname, fd, nowhere, &size);
    syscall(SYS_getsockname, fd, page, half(3));
    size = 16;
    syscall(SYS_getsockname, fd, half(5), &size);
    syscall(SYS_accept, fd, page, &size);
    syscall(SYS_accept, fd, NULL, NULL);
    syscall(SYS_accept, fd, NULL, &size);
    syscall(SYS_accept4, fd, page, NULL, (long)SOCK_CLOEXEC);
    syscall(SYS_accept4, fd, page, &size, 0x7fL);
    syscall(SYS_accept4, fd, page, &size, (long)(SOCK_NONBLOCK | 3));
    for (int i = 0; i < 4; i++) syscall(SYS_shutdown, fd, (long)i - 1);
    syscall(SYS_listen, fd, -1L);
    close(fd), close(six), close(link), close(local), close(two[0]), close(two[1]);
}

/* Options of one level: each number at each length, set and read. */
static void options(int level, int from, int to) {
    int kinds[] = {AF_INET, AF_INET6};
    unsigned seed = 1;
    for (int k = 0; k < (level == SOL_SOCKET || level == SOL_UDP ? 1 : 2); k++)
        for (int number = from; number <= to; number++) {
            if (level == SOL_SOCKET && (number == SO_RCVTIMEO || number == SO_SNDTIMEO)) continue;
            int fd = syscall(SYS_socket, kinds[k], SOCK_DGRAM, 0);
            static const int lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20, 21, 40, 136, 137, 264, -1};
            for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                int length = lengths[i];
                if (k == 1 && i % 2) continue;
                unsigned size = length;
                memset(page, 0x5a, 300);
                syscall(SYS_getsockopt, fd, (long)level, (long)number, page, &size);
                unsigned char bytes[300] = {0};
                for (unsigned j = 0; j < sizeof bytes; j++) bytes[j] = (seed = seed * 1103515245 + 12345) >> 16;
                if (i % 3 == 0) memset(bytes, 0, sizeof bytes), bytes[0] = 1;
                if (i % 3 == 1) memset(bytes, 'n', sizeof bytes);
                syscall(SYS_setsockopt, fd, (long)level, (long)number, at_end(bytes, length < 0 || length > 300 ? 300 : length), (long)length);
            }
            unsigned size = 4;
            syscall(SYS_getsockopt, fd, (long)level, (long)number, NULL, &size);
            syscall(SYS_getsockopt, fd, (long)level, (long)number, page, NULL);
            syscall(SYS_setsockopt, fd, (long)level, (long)number, NULL, 4L);
            syscall(SYS_setsockopt, fd, (long)level, (long)number, nowhere, 4L);
            syscall(SYS_setsockopt, fd, (long)level, (long)number, half(2), 4L);
            syscall(SYS_setsockopt, fd, (long)level, (long)number, half(6), 8L);
            close(fd);
        }
}

static void other_options(void) {
    static const int levels[] = {2, 6, 58, 100, 132, 136, 255, 256, 263, 270, 282, 283, 300, -1};
    int fd = udp(), tcp = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), two[2];
    int link = syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
    syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, two);
    for (unsigned l = 0; l < sizeof levels / sizeof *levels; l++)
        for (int number = 0; number < 14; number++) {
            int on = levels[l] == 6 ? tcp : levels[l] == 270 ? link : fd;
            unsigned size = number * 3;
            syscall(SYS_getsockopt, on, (long)levels[l], (long)number, page, &size);
            int value = number;
            syscall(SYS_setsockopt, on, (long)levels[l], (long)number, &value, (long)(number % 3 ? 4 : number));
        }
    /* Credentials, lingering and errors at every length, on sockets that have them. */
    static const int numbers[] = {SO_PEERCRED, SO_LINGER, SO_ERROR, SO_TYPE, SO_PEERSEC, SO_PEERGROUPS, 28};
    for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++)
        for (int length = 0; length < 20; length++) {
            unsigned size = length;
            syscall(SYS_getsockopt, two[0], (long)SOL_SOCKET, (long)numbers[n], page, &size);
        }
    struct sockaddr_in closed = {AF_INET, htons(9), {htonl(INADDR_LOOPBACK)}};
    for (int length = 0; length < 6; length++) {
        syscall(SYS_connect, fd, &closed, 16L);
        syscall(SYS_sendto, fd, "x", 1L, 0L, NULL, 0L);
        unsigned size = length;
        syscall(SYS_getsockopt, fd, (long)SOL_SOCKET, (long)SO_ERROR, page, &size);
        size = 4;
        syscall(SYS_getsockopt, fd, (long)SOL_SOCKET, (long)SO_ERROR, page, &size);
    }
    /* Requests to join groups. */
    struct group_req group = {.gr_interface = 1};
    struct sockaddr_in *in = (void *)&group.gr_group;
    in->sin_family = AF_INET, inet_aton("239.1.2.3", &in->sin_addr);
    struct ip_mreqn mreq = {in->sin_addr, {htonl(INADDR_LOOPBACK)}, 1};
    for (int length = 0; length < 140; length++) {
        syscall(SYS_setsockopt, fd, 0L, 42L, at_end(&group, length > (int)sizeof group ? (int)sizeof group : length), (long)length);
        if (length < 14) syscall(SYS_setsockopt, fd, 0L, 35L, at_end(&mreq, length > 12 ? 12 : length), (long)length);
        if (length < 14) syscall(SYS_setsockopt, fd, 0L, 39L, at_end(&mreq, length > 12 ? 12 : length), (long)length);
    }
    struct ipv6_mreq six = {in6addr_loopback, 1};
    six.ipv6mr_multiaddr.s6_addr[0] = 0xff;
    for (int length = 0; length < 22; length++)
        for (int number = 20; number < 29; number += 7)
            syscall(SYS_setsockopt, fd, 41L, (long)number, at_end(&six, length > 20 ? 20 : length), (long)length);
    struct packet_mreq frame = {1, PACKET_MR_PROMISC, 6, {1, 2, 3, 4, 5, 6}};
    for (int length = 0; length < 18; length++)
        syscall(SYS_setsockopt, fd, 263L, 1L, at_end(&frame, length > 16 ? 16 : length), (long)length);
    struct sock_filter steps[] = {{6, 0, 0, 0xffff}};
    struct sock_fprog program = {1, steps};
    for (int length = 14; length < 18; length++)
        syscall(SYS_setsockopt, fd, 1L, (long)SO_ATTACH_FILTER, &program, (long)length);
    unsigned size = 1;
    syscall(SYS_getsockopt, fd, 1L, (long)SO_GET_FILTER, page, &size);
    close(fd), close(tcp), close(link), close(two[0]), close(two[1]);
}

/* Control messages of each level, type and length. */
static void control(void) {
    static const int kinds[][2] = {
        {1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 29}, {1, 35}, {1, 37}, {1, 41}, {1, 54}, {1, 58}, {1, 63}, {1, 64}, {1, 65},
        {1, 99}, {0, 1}, {0, 2}, {0, 3}, {0, 6}, {0, 7}, {0, 8}, {0, 11}, {0, 20}, {0, 23}, {0, 99},
        {6, 1}, {132, 2}, {300, 1}, {-1, -1}, {58, 1}};
    int fd = udp();
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int payload = -17; payload <= 60; payload++) {
            if (payload > 34 && payload < 46) continue;
            char buffer[256];
            struct cmsghdr *head = (void *)buffer;
            for (unsigned i = 0; i < sizeof buffer; i++) buffer[i] = i % 7 == 3 ? 0 : i * 3;
            head->cmsg_level = kinds[k][0], head->cmsg_type = kinds[k][1];
            head->cmsg_len = 16 + payload;
            if (payload < -15) head->cmsg_len = payload == -17 ? 1UL << 40 : 1000; /* strace 6.1 never ends on -1UL */
            struct iovec part = {"abc", 3};
            int whole = payload < 0 ? 16 : 16 + payload;
            struct msghdr message = {.msg_name = &home, .msg_namelen = sizeof home, .msg_iov = &part, .msg_iovlen = 1,
                .msg_control = at_end(buffer, whole), .msg_controllen = whole};
            syscall(SYS_sendmsg, fd, &message, (long)MSG_DONTWAIT);
            /* A second message behind it, whole or cut. */
            if (payload >= 0 && payload % 3 == 0) {
                int space = (16 + payload + 7) & ~7, cut = payload % 20;
                struct cmsghdr *next = (void *)(buffer + space);
                next->cmsg_len = 20, next->cmsg_level = 0, next->cmsg_type = 2;
                message.msg_control = at_end(buffer, space + cut), message.msg_controllen = space + cut;
                syscall(SYS_sendmsg, fd, &message, (long)MSG_DONTWAIT);
            }
        }
    for (int length = 0; length < 20; length++) {
        struct msghdr message = {.msg_control = half(10), .msg_controllen = length};
        syscall(SYS_sendmsg, fd, &message, 0L);
        message.msg_control = NULL;
        syscall(SYS_sendmsg, fd, &message, 0L);
    }
    /* More descriptors than are shown, and credentials. */
    int two[2], many[40];
    syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, two);
    for (int i = 0; i < 40; i++) many[i] = two[0];
    for (int count = 31; count <= 34; count++) {
        char buffer[CMSG_SPACE(sizeof many)] = {0};
        struct cmsghdr *head = (void *)buffer;
        head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(4 * count);
        memcpy(CMSG_DATA(head), many, 4 * count);
        struct iovec part = {"fds", 3};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = buffer, .msg_controllen = CMSG_SPACE(4 * count)};
        syscall(SYS_sendmsg, two[0], &message, 0L);
        struct iovec room = {page, 9};
        struct msghdr got = {.msg_iov = &room, .msg_iovlen = 1, .msg_control = page + 100, .msg_controllen = 100};
        syscall(SYS_recvmsg, two[1], &got, 0L);
    }
    close(two[0]), close(two[1]), close(fd);
    /* What the kernel says beside a datagram, with room for some of it. */
    int on = 1, sender = udp();
    static const int wanted[][2] = {{1, SO_TIMESTAMP}, {0, IP_PKTINFO}, {0, IP_RECVTTL}, {0, IP_RECVTOS}, {0, IP_RECVORIGDSTADDR}};
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        syscall(SYS_setsockopt, target, (long)wanted[i][0], (long)wanted[i][1], &on, 4L);
    for (int room = 0; room < 150; room += 3) {
        syscall(SYS_sendto, sender, "beside", 6L, 0L, &home, 16L);
        struct iovec part = {page, 100};
        struct msghdr got = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = page + 200, .msg_controllen = room};
        syscall(SYS_recvmsg, target, &got, (long)MSG_DONTWAIT);
    }
    on = 0;
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        syscall(SYS_setsockopt, target, (long)wanted[i][0], (long)wanted[i][1], &on, 4L);
    close(sender);
}

static void payloads(void) {
    int fd = udp();
    char bytes[300];
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = i;
    for (int start = 0; start < 256; start += 16) {
        syscall(SYS_sendto, fd, bytes + start, 31L, 0L, &home, 16L);
        syscall(SYS_recvfrom, target, page, 300L, (long)MSG_DONTWAIT, NULL, NULL);
    }
    for (int length = 0; length < 70; length++) {
        syscall(SYS_sendto, fd, at_end("0123456789012345678901234567890123456789012345678901234567890123456789", length), (long)length, 0L, &home, 16L);
        unsigned size = length > 2 && length < 16 ? 16 : length;
        syscall(SYS_recvfrom, target, page, (long)(length % 2 ? 300 : length / 2), (long)(MSG_DONTWAIT | (length % 3 ? 0 : MSG_TRUNC)),
                length % 5 ? page + 400 : NULL, length % 7 ? &size : NULL);
        /* Fewer bytes are there than are to be sent. */
        syscall(SYS_sendto, fd, half(length), 100L, 0L, &home, 16L);
        syscall(SYS_write, fd, half(length), 40L);
    }
    static const long flags[] = {0x10, 0x20000, 0x40000, 0x80000, 0x100000, 0x4000000, 0x20000000, 0x40000000, -2147483648L, 0x7f, -1, 0x8000, 0x1000000};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
        syscall(SYS_sendto, fd, "f", 1L, flags[i] & ~1L, &home, 16L);
        syscall(SYS_recvfrom, target, page, 9L, (flags[i] & ~1L) | MSG_DONTWAIT, NULL, NULL);
        drain(target);
    }
    syscall(SYS_sendto, fd, NULL, 0L, 0L, &home, 16L);
    syscall(SYS_sendto, fd, NULL, 5L, 0L, &home, 16L);
    syscall(SYS_sendto, fd, nowhere, 0L, 0L, &home, 16L);
    syscall(SYS_sendto, fd, nowhere, 5L, 0L, &home, 16L);
    syscall(SYS_sendto, fd, page, -1L, 0L, &home, 16L);
    syscall(SYS_recvfrom, target, nowhere, 5L, (long)MSG_DONTWAIT, nowhere, nowhere);
    syscall(SYS_recvfrom, target, NULL, 0L, (long)MSG_DONTWAIT, page, nowhere);
    drain(target);
    for (int length = -1; length < 20; length++) {
        if (length > 2 && length < 16) continue; /* half a name shows a port by its bytes */
        unsigned size = length;
        syscall(SYS_sendto, fd, "name", 4L, 0L, &home, 16L);
        syscall(SYS_recvfrom, target, page, 9L, (long)MSG_DONTWAIT, page + 100, &size);
        drain(target);
    }
    close(fd);
}

static void messages(void) {
    int fd = udp();
    char name[140] = {0};
    struct iovec parts[70];
    for (int i = 0; i < 70; i++) parts[i] = (struct iovec){"0123456789" + i % 5, i % 4};
    for (int count = 0; count <= 40; count += count < 4 || count > 28 ? 1 : 8) {
        struct msghdr message = {.msg_name = &home, .msg_namelen = 16, .msg_iov = parts, .msg_iovlen = count, .msg_flags = 0x21};
        syscall(SYS_sendmsg, fd, &message, 0L);
        struct iovec room[40];
        for (int i = 0; i < 40; i++) room[i] = (struct iovec){page + i * 10, 1};
        struct msghdr got = {.msg_name = name, .msg_namelen = count < 2 ? count : count + 14, .msg_iov = room, .msg_iovlen = count};
        syscall(SYS_recvmsg, target, &got, (long)MSG_DONTWAIT);
        syscall(SYS_recvmsg, target, &got, (long)(MSG_DONTWAIT | MSG_ERRQUEUE));
        drain(target);
        syscall(SYS_sendto, fd, "0123456789", 10L, 0L, &home, 16L);
        syscall(SYS_readv, target, room, (long)(count ? count : 1));
        syscall(SYS_connect, fd, &home, 16L);
        syscall(SYS_writev, fd, parts, (long)count);
        drain(target);
        struct sockaddr off = {AF_UNSPEC};
        syscall(SYS_connect, fd, &off, 16L);
    }
    /* Parts, and headers, that are not there, and counts beyond all bounds. */
    static const unsigned long counts[] = {0, 1, 2, 3, 33, 1024, 1025, 0xffffffff, 0x7fffffffffffffff, -1UL, 1UL << 60};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int where = 0; where < 5; where++) {
            void *there = where == 0 ? NULL : where == 1 ? nowhere : where == 2 ? half(8) : where == 3 ? at_end(parts, 16) : at_end(parts, 24);
            struct msghdr message = {.msg_name = &home, .msg_namelen = where * 16, .msg_iov = there, .msg_iovlen = counts[i]};
            syscall(SYS_sendmsg, fd, &message, (long)MSG_DONTWAIT);
            syscall(SYS_recvmsg, target, &message, (long)MSG_DONTWAIT);
            syscall(SYS_writev, fd, there, counts[i]);
            syscall(SYS_readv, target, there, counts[i] ? counts[i] : 1);
            syscall(SYS_pwritev, fd, there, counts[i], -1L, 0L);
            drain(target);
        }
    memset(page, 0, SIZE);
    for (int there = 0; there <= 56; there += 7) {
        syscall(SYS_sendmsg, fd, half(there), 0L);
        syscall(SYS_recvmsg, target, half(there), (long)MSG_DONTWAIT);
    }
    syscall(SYS_sendmsg, fd, NULL, 0x1000000L);
    syscall(SYS_recvmsg, target, NULL, (long)MSG_DONTWAIT);
    for (int length = -1; length < 132; length += length < 20 ? 1 : 10) {
        if (length > 2 && length < 16) continue;
        struct iovec part = {"named", 5};
        memcpy(name, &home, 16);
        struct msghdr message = {.msg_name = name, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1};
        syscall(SYS_sendmsg, fd, &message, 0L);
        syscall(SYS_sendto, fd, "name", 4L, 0L, &home, 16L);
        part.iov_base = page;
        syscall(SYS_recvmsg, target, &message, (long)MSG_DONTWAIT);
        drain(target);
    }
    close(fd);
}

static void many_messages(void) {
    int fd = udp();
    static struct mmsghdr many[1100];
    static struct iovec part = {"many", 4}, room;
    room = (struct iovec){page, 9};
    struct timespec times[] = {{0, 0}, {1, 500000}, {-1, 5}, {0, 1000000000}, {5, -1}};
    for (int count = 0; count < 36; count += count < 3 || count > 30 ? 1 : 14) {
        for (int i = 0; i < 1100; i++)
            many[i] = (struct mmsghdr){{.msg_name = &home, .msg_namelen = 16, .msg_iov = &part, .msg_iovlen = i % 2}, i};
        syscall(SYS_sendmmsg, fd, many, (long)count, 0L);
        static char names[1100][20];
        for (int i = 0; i < 1100; i++)
            many[i] = (struct mmsghdr){{.msg_name = i % 3 ? names[i] : NULL, .msg_namelen = i % 3 ? 16 + i % 5 : i % 20, .msg_iov = &room, .msg_iovlen = 1}, i};
        syscall(SYS_recvmmsg, target, many, (long)count + 2, (long)MSG_DONTWAIT, count % 2 ? &times[1] : NULL);
        times[1] = (struct timespec){1, 500000};
        drain(target);
    }
    for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
        syscall(SYS_sendto, fd, "timed", 5L, 0L, &home, 16L);
        syscall(SYS_recvmmsg, target, many, 1L, (long)(MSG_WAITFORONE | MSG_DONTWAIT), &times[i]);
        syscall(SYS_recvmmsg, target, many, 1L, (long)MSG_DONTWAIT, &times[i]);
        drain(target);
    }
    static const long counts[] = {0, 1, 2, 1024, 1025, 0xffffffff, 0x100000001};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int where = 0; where < 5; where++) {
            void *there = where == 0 ? NULL : where == 1 ? nowhere : where == 2 ? half(60) : where == 3 ? at_end(many, 64) : at_end(many, 100);
            syscall(SYS_sendmmsg, fd, there, counts[i], (long)MSG_DONTWAIT);
            syscall(SYS_recvmmsg, target, there, counts[i], (long)MSG_DONTWAIT, where % 2 ? NULL : nowhere);
            drain(target);
        }
    /* The second of them cannot be sent. */
    struct iovec bad = {nowhere, 4};
    for (int i = 0; i < 4; i++)
        many[i] = (struct mmsghdr){{.msg_name = &home, .msg_namelen = 16, .msg_iov = i == 1 ? &bad : &part, .msg_iovlen = 1}, 0};
    syscall(SYS_sendmmsg, fd, many, 4L, 0L);
    drain(target), close(fd);
}

static void waits(void) {
    int fd = udp(), epoll = syscall(SYS_epoll_create1, 0L);
    struct pollfd polls[60];
    for (int round = 0; round < 3; round++) {
        if (round == 1) syscall(SYS_sendto, fd, "here", 4L, 0L, &home, 16L);
        for (int count = 1; count < 40; count += count < 3 || count > 29 ? 1 : 13) {
            for (int i = 0; i < 60; i++) polls[i] = (struct pollfd){i % 3 ? target : fd, round ? i * 77 : POLLIN, 0x5555};
            polls[0].fd = target, polls[0].events |= POLLIN, polls[1].fd = -1;
            syscall(SYS_poll, polls, (long)count, 0L);
            struct timespec time = {0, 1000};
            unsigned long mask = round == 2 ? -1UL : 1 << 1 | 1 << 14 | 1UL << 40;
            syscall(SYS_ppoll, polls, (long)count, &time, round ? &mask : NULL, 8L);
        }
    }
    struct timespec time = {0, 0};
    struct timeval instant = {0, 0};
    polls[0].fd = target;
    syscall(SYS_ppoll, polls, 1L, nowhere, NULL, 8L);
    syscall(SYS_ppoll, polls, 1L, &time, nowhere, 8L);
    syscall(SYS_ppoll, polls, 1L, &time, NULL, 7L);
    for (int i = 0; i < 9; i++) {
        fd_set in, out, except;
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_ZERO(&except);
        FD_SET(target, &in), FD_SET(fd, i % 2 ? &in : &out);
        if (i == 4) FD_SET(target, &except);
        instant = (struct timeval){0, i * 10};
        syscall(SYS_select, i == 5 ? 1024L : (long)target + 9, &in, i == 3 ? NULL : &out, i == 4 ? &except : NULL, i == 6 ? NULL : &instant);
        unsigned long mask = 1 << 5, data[2] = {i % 2 ? (unsigned long)&mask : 0, 8};
        FD_SET(target, &in);
        time = (struct timespec){0, i * 100};
        syscall(SYS_pselect6, (long)target + 1, &in, NULL, NULL, &time, i == 7 ? NULL : data);
    }
    for (int i = 0; i < 40; i++) {
        int one = syscall(SYS_fcntl, target, (long)F_DUPFD, 60L);
        struct epoll_event event = {i % 2 ? EPOLLIN : EPOLLIN | EPOLLET | 1 << 20 | EPOLLONESHOT, {.u64 = (unsigned long)i << 33 | i}};
        syscall(SYS_epoll_ctl, epoll, (long)EPOLL_CTL_ADD, one, &event);
    }
    struct epoll_event events[60];
    static const long rooms[] = {-1, 0, 1, 31, 32, 33, 60};
    for (unsigned i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        syscall(SYS_epoll_wait, epoll, events, rooms[i], 0L);
        syscall(SYS_epoll_pwait, epoll, events, rooms[i], 0L, NULL, 8L);
        syscall(SYS_epoll_pwait2, epoll, events, rooms[i], &time, NULL, 8L);
    }
    syscall(SYS_epoll_wait, epoll, NULL, 1L, 0L);
    syscall(SYS_epoll_wait, epoll, nowhere, 4L, 0L);
    for (int operation = 0; operation < 5; operation++) {
        syscall(SYS_epoll_ctl, epoll, (long)operation, target, events);
        syscall(SYS_epoll_ctl, epoll, (long)operation, target, NULL);
        syscall(SYS_epoll_ctl, epoll, (long)operation, target, nowhere);
    }
    drain(target);
    for (int i = 60; i < 100; i++) syscall(SYS_close, i);
    close(fd);
}

static void descriptors(void) {
    int fd = udp(), word = 1;
    static const long status[] = {0, O_NONBLOCK, O_APPEND, O_ASYNC, O_NONBLOCK | O_RDWR, 0x7fffffff, -1, 3, O_LARGEFILE, O_CLOEXEC, 0x10000000};
    for (unsigned i = 0; i < sizeof status / sizeof *status; i++) {
        syscall(SYS_fcntl, fd, (long)F_SETFL, status[i]);
        syscall(SYS_fcntl, fd, (long)F_GETFL);
        syscall(SYS_fcntl, fd, (long)F_SETFD, status[i]);
        syscall(SYS_fcntl, fd, (long)F_GETFD);
        int copy = syscall(SYS_dup3, fd, 77L, status[i]);
        if (copy >= 0 && syscall(SYS_close_range, 77L, 78L, status[i] & ~4L & ~2L)) syscall(SYS_close, 77L);
    }
    syscall(SYS_fcntl, fd, (long)F_SETFL, 0L);
    static const long commands[] = {8, 9, 10, 11, 1026, 99, -1, 1033};
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
        syscall(SYS_fcntl, fd, commands[i], 0L);
        if (commands[i] != 8) syscall(SYS_fcntl, fd, commands[i], 5L);
    }
    int owner[2] = {F_OWNER_PID, getpid()};
    syscall(SYS_fcntl, fd, (long)F_SETOWN_EX, owner);
    syscall(SYS_fcntl, fd, (long)F_GETOWN_EX, page);
    syscall(SYS_fcntl, fd, (long)F_SETOWN_EX, nowhere);
    static const long requests[] = {0x5411, 0x541b, 0x5421, 0x5452, 0x8901, 0x8902, 0x8903, 0x8904, 0x8905, 0x8906, 0x8907,
        0x8910, 0x8913, 0x8915, 0x8919, 0x891b, 0x891d, 0x8921, 0x8927, 0x8933, 0x8942, 0x8946, 0x1234, 0xc0045678, 0x80045678, 0x40045678, 0x5678, -1};
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct ifreq request = {.ifr_name = "lo"};
        if (requests[i] == 0x8910) memset(&request, 0, sizeof request), request.ifr_ifindex = 1;
        if (requests[i] < 0x8906 || requests[i] > 0x8948) {
            word = requests[i] == 0x8901 || requests[i] == 0x8902 ? 0 : 1;
            syscall(SYS_ioctl, fd, requests[i], &word);
        } else
            syscall(SYS_ioctl, fd, requests[i], &request);
        syscall(SYS_ioctl, fd, requests[i], NULL);
        syscall(SYS_ioctl, fd, requests[i], nowhere);
        strcpy(request.ifr_name, "none0");
        syscall(SYS_ioctl, fd, requests[i], &request);
    }
    syscall(SYS_dup2, fd, 77L), syscall(SYS_dup2, fd, -1L), syscall(SYS_dup, fd);
    syscall(SYS_read, target, nowhere, 0L);
    close(fd);
}

int main(int count, char **words) {
    page = mmap(NULL, SIZE + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + SIZE, 4096);
    signal(SIGIO, SIG_IGN), signal(SIGPIPE, SIG_IGN), signal(SIGURG, SIG_IGN);
    target = udp();
    home = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    syscall(SYS_bind, target, &home, 16L);
    unsigned size = 16;
    syscall(SYS_getsockname, target, &home, &size);
    const char *part = count > 1 ? words[1] : "";
    if (!strcmp(part, "sockets")) sockets();
    if (!strcmp(part, "addresses")) addresses();
    if (!strcmp(part, "names")) names();
    if (!strcmp(part, "options")) options(SOL_SOCKET, 0, 84);
    if (!strcmp(part, "options-ip")) options(SOL_IP, 0, 55);
    if (!strcmp(part, "options-ipv6")) options(SOL_IPV6, 0, 84);
    if (!strcmp(part, "options-udp")) options(SOL_UDP, 99, 106), options(SOL_UDP, 0, 3), other_options();
    if (!strcmp(part, "control")) control();
    if (!strcmp(part, "payloads")) payloads();
    if (!strcmp(part, "messages")) messages();
    if (!strcmp(part, "many")) many_messages();
    if (!strcmp(part, "waits")) waits();
    if (!strcmp(part, "descriptors")) descriptors();
    return 0;
}
