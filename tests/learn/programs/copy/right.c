#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static char data[65536];
static struct sockaddr_in peer;

static int open_socket(char **argv, int argc)
{
    peer.sin_family = AF_INET;
    peer.sin_port = htons(atoi(argv[argc - 1]));
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static inline void wait_at_most(int sock, long micros)
{
    struct timeval limit = {micros / 1000000, micros % 1000000};
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

#define PEER (struct sockaddr *)&peer, sizeof peer

int main(int argc, char **argv)
{
    int sock = open_socket(argv, argc);
    FILE *file = fopen(argv[argc - 2], "rb");
    wait_at_most(sock, 100000);
    for (unsigned number = 0;; number++) {
        unsigned head = htonl(number), answer = ~head;
        memcpy(data, &head, 4);
        size_t length = fread(data + 4, 1, 1024, file);
        for (int attempt = 0; attempt < 20 && answer != head; attempt++) {
            sendto(sock, data, 4 + length, 0, PEER);
            if (recv(sock, &answer, 4, 0) != 4)
                answer = ~head;
        }
        if (length == 0)
            return 0;
    }
}
