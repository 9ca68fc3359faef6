#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    int port = atoi(argv[argc - 1]);
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const char *text = "What time is it?";
    sendto(sock, text, strlen(text), 0, (struct sockaddr *)&server, sizeof server);
    static char data[65535];
    ssize_t length = recvfrom(sock, data, sizeof data, 0, NULL, NULL);
    printf("%.*s\n", (int)length, data);
    return 0;
}
