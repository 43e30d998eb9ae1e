package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const defaultPort = 8080

func parsePort(s string) (int, error) {
	if s == "" {
		return defaultPort, nil
	}
	port, err := strconv.Atoi(s)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("PORT=%q is not a port (1 to 65535)", s)
	}
	return port, nil
}

// listen opens one port on every address, or the next port on which all are free. It skips an
// address that the machine does not have (IPv6 is often disabled), except the first.
func listen(port int, addresses ...string) ([]net.Listener, int, error) {
	for ; port <= 65535; port++ {
		listeners, err := listenAll(port, addresses)
		if err == nil {
			return listeners, port, nil
		}
		// Most users may not use ports below 1024; the next port would not help.
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, 0, err
		}
	}
	return nil, 0, errors.New("no port is free")
}

func listenAll(port int, addresses []string) (listeners []net.Listener, err error) {
	for i, address := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		switch {
		case err == nil:
			listeners = append(listeners, l)
		case i > 0 && !errors.Is(err, syscall.EADDRINUSE):
		default:
			for _, l := range listeners {
				l.Close()
			}
			return nil, err
		}
	}
	return listeners, nil
}

func origin(host string, port int) string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port))
}
