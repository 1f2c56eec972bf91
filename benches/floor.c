// The floor that pacingd is held against, and what sends datagrams to it: C with nothing but system calls.
//
//   floor http          answers each read with fixed bytes, in one epoll loop; prints its port
//   floor udp           receives, and throws away; prints its port
//   floor send PORT SECONDS PER_MS WHAT
//                       sends datagrams, PER_MS in each millisecond (0: as many as go out); prints how many
//
// WHAT: line (the contract's example for one group, its time going up), statsd (its nine figures as gauges), collectd (the
// same in collectd's binary protocol), garbage (1 to 512 bytes by chance), or "=TEXT" (that text).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// As long as pacingd's answer.
static const char ANSWER[] = "HTTP/1.1 200 OK\r\n"
                             "date: Sun, 22 Nov 2026 08:35:45 GMT\r\n"
                             "content-type: application/json\r\n"
                             "cache-control: no-store\r\n"
                             "last-modified: Sun, 22 Nov 2026 08:35:44 GMT\r\n"
                             "content-length: 26\r\n\r\n"
                             "{\"reactiveState\":0.093146}";

static void check(int result, const char *what) {
	if (result < 0) {
		perror(what);
		exit(71);
	}
}

// A socket bound to a free port of the loopback, which is printed.
static int bound(int type) {
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	check(bind(fd, (struct sockaddr *)&address, length), "bind");
	check(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void http(void) {
	int listener = bound(SOCK_STREAM | SOCK_NONBLOCK), loop = epoll_create1(EPOLL_CLOEXEC);
	check(listen(listener, 1024), "listen");
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[1024];
	check(epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
	char request[8192];
	for (;;) {
		int ready = epoll_wait(loop, events, 1024, -1);
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
				if (client < 0)
					continue;
				setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				event = (struct epoll_event){.events = EPOLLIN, .data.fd = client};
				check(epoll_ctl(loop, EPOLL_CTL_ADD, client, &event), "epoll_ctl");
			} else if (read(fd, request, sizeof request) <= 0 || write(fd, ANSWER, sizeof ANSWER - 1) < 0) {
				close(fd);
			}
		}
	}
}

static void udp(void) {
	int fd = bound(SOCK_DGRAM);
	char datagram[65536];
	while (recv(fd, datagram, sizeof datagram, 0) >= 0)
		;
}

// A part of collectd's binary protocol: type, length and content.
static size_t part(char *to, uint16_t type, const void *content, uint16_t length) {
	uint16_t head[] = {htons(type), htons(length + 4)};
	memcpy(to, head, 4);
	memcpy(to + 4, content, length);
	return length + 4;
}

static size_t collectd(char *to, uint64_t microseconds) {
	static const char *names[] = {"ready", "loggedIn", "reactive", "proactive", "queued", "handleTime", "entered", "accepted", "abandoned"};
	static const double values[] = {4, 12, 5, 2, 1, 312.5, 10234, 871, 97};
	uint64_t time = htobe64((microseconds / 1000000 << 30) + (microseconds % 1000000 << 30) / 1000000);
	size_t length = part(to, 0x0000, "centre", 7);
	length += part(to + length, 0x0008, &time, 8);
	length += part(to + length, 0x0002, "chat", 5);
	length += part(to + length, 0x0003, "Sales", 6);
	length += part(to + length, 0x0004, "gauge", 6);
	for (int i = 0; i < 9; i++) {
		char value[11] = {0, 1, 1};
		memcpy(value + 3, &values[i], 8);
		length += part(to + length, 0x0005, names[i], strlen(names[i]) + 1);
		length += part(to + length, 0x0006, value, sizeof value);
	}
	return length;
}

static size_t garbage(char *to) {
	// Marsaglia's xorshift: the same bytes in each run.
	static uint64_t random = 88172645463325252;
	uint64_t length = 0;
	for (size_t at = 0; at < 512; at += sizeof random) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		memcpy(to + at, &random, sizeof random);
		length = random;
	}
	return 1 + length % 512;
}

static size_t datagram(char *to, const char *what, uint64_t microseconds) {
	if (*what == '=')
		return sprintf(to, "%.1000s", what + 1);
	if (strcmp(what, "garbage") == 0)
		return garbage(to);
	if (strcmp(what, "collectd") == 0)
		return collectd(to, microseconds);
	if (strcmp(what, "statsd") == 0)
		return sprintf(to, "S.ready:4|g\nS.loggedIn:12|g\nS.reactive:5|g\nS.proactive:2|g\nS.queued:1|g\nS.handleTime:312.5|g\n"
		                   "S.reactiveEntered:10234|g\nS.proactiveEntered:871|g\nS.abandoned:97|g\n");
	return sprintf(to, "{\"channel\":\"chat\",\"group\":\"Sales\",\"ready\":4,\"loggedIn\":12,\"reactive\":5,\"proactive\":2,\"queued\":1,"
	                   "\"handleTime\":312.5,\"reactiveEntered\":10234,\"proactiveEntered\":871,\"abandoned\":97,\"time\":%llu}",
	               // As many digits as milliseconds have, and yet a later one for each line.
	               (unsigned long long)(microseconds % 9000000000000 + 1000000000000));
}

static uint64_t nanoseconds(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void send_to(int port, double seconds, unsigned per_ms, const char *what) {
	enum { BATCH = 64 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	check(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
	static char text[BATCH][1024];
	struct iovec pieces[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	uint64_t time = nanoseconds(CLOCK_REALTIME) / 1000, sent = 0, begun = nanoseconds(CLOCK_MONOTONIC);
	uint64_t until = begun + (uint64_t)(seconds * 1e9), tick = begun;
	while (nanoseconds(CLOCK_MONOTONIC) < until) {
		unsigned left = per_ms ? per_ms : BATCH;
		while (left > 0) {
			unsigned count = left < BATCH ? left : BATCH;
			for (unsigned i = 0; i < count; i++) {
				pieces[i] = (struct iovec){text[i], datagram(text[i], what, ++time)};
				messages[i].msg_hdr.msg_iov = &pieces[i];
				messages[i].msg_hdr.msg_iovlen = 1;
			}
			int done = sendmmsg(fd, messages, count, 0);
			if (done < 0 && errno == ECONNREFUSED)
				exit(69);
			if (done < 0)
				continue;
			sent += done;
			left -= done;
			time -= count - done;
		}
		if (per_ms) {
			tick += 1000000;
			struct timespec at = {tick / 1000000000, tick % 1000000000};
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		}
	}
	printf("%llu\n", (unsigned long long)sent);
}

int main(int count, char **words) {
	if (count == 2 && strcmp(words[1], "http") == 0)
		http();
	else if (count == 2 && strcmp(words[1], "udp") == 0)
		udp();
	else if (count == 6 && strcmp(words[1], "send") == 0)
		send_to(atoi(words[2]), atof(words[3]), atoi(words[4]), words[5]);
	else {
		fprintf(stderr, "usage: floor http | udp | send PORT SECONDS PER_MS line|statsd|collectd|garbage|=TEXT\n");
		return 64;
	}
}
