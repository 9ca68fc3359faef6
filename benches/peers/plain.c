/* The plain UDP loop in C, the peer that our plain loop is measured against.
 *
 *   plain serve PORT             echo each datagram to its sender: recvfrom, sendto
 *   plain ask PORT SIZE SECONDS  one request outstanding: prints round trips a second
 *   plain loop COUNT SIZE        one process, two sockets: COUNT rounds, for counting instructions
 *
 * gcc -O2 -o plain plain.c. On 127.0.0.1 alone. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static char buffer[65535];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
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

static void serve_one(int fd)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    ssize_t size = recvfrom(fd, buffer, sizeof buffer, 0, (void *)&peer, &length);
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
    if (argc == 4 && !strcmp(argv[1], "loop")) {
        int server = bound(0, &there), client = bound(0, &here), size = atoi(argv[3]);
        for (long left = atol(argv[2]); left > 0; left--) {
            sendto(client, buffer, size, 0, (void *)&there, sizeof there);
            serve_one(server);
            recvfrom(client, buffer, sizeof buffer, 0, NULL, NULL);
        }
        return 0;
    }
    return fprintf(stderr, "usage: plain serve PORT | ask PORT SIZE SECONDS | loop COUNT SIZE\n"), 2;
}
