"""Ports for what the rig starts: free, and nobody else's a moment later."""

from __future__ import annotations

import socket

from hil_tests.rig.ports import BEYOND, FIRST, free_ports


def test_no_port_is_given_twice() -> None:
    """They follow one another, below those that the system gives away."""
    ports = free_ports(3) + free_ports(200)
    assert len(set(ports)) == 203
    assert all(FIRST <= port < BEYOND for port in ports)


def test_a_port_that_somebody_has_is_passed_over() -> None:
    """At any address of this machine."""
    [port] = free_ports(1)
    with socket.create_server(("127.0.0.2", port + 1 if port + 1 < BEYOND else FIRST)) as taken:
        assert taken.getsockname()[1] not in free_ports(5)
