#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    int port = atoi(argv[argc - 1]);
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(sock, (struct sockaddr *)&own, sizeof own) < 0) {
        perror("bind");
        return 1;
    }
    for (;;) {
        static unsigned char data[65535];
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t length = recvfrom(sock, data, sizeof data, 0, (struct sockaddr *)&client, &size);
        for (ssize_t at = 0; at < length; at++)
            if (data[at] > 127) {
                fprintf(stderr, "byte %d is not ASCII\n", data[at]);
                return 1;
            }
        char answer[64];
        int bytes = snprintf(answer, sizeof answer, "Your data was %zd bytes long", length);
        sendto(sock, answer, bytes, 0, (struct sockaddr *)&client, size);
    }
}
