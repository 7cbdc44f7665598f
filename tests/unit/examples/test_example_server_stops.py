"""A stop loses no request: neither one in flight nor one of a kept-alive or a new connection."""

import signal
from typing import Any

NO_ROWS = '{"instances": []}'


def ask(connection: Any) -> Any:
    connection.request("POST", "/predict", NO_ROWS)
    return finish(connection)


def finish(connection: Any) -> Any:
    response = connection.getresponse()
    response.read()
    return response


def test_an_unused_server_stops_at_once_and_says_so(start_server: Any) -> None:
    server = start_server()
    server.ask_to_stop()
    assert server.read_log()["message"] == "stopped"
    assert server.exit_code() == 0


def test_kept_alive_connections_are_answered_and_led_away(start_server: Any) -> None:
    server = start_server(DRAIN_QUIET_SECONDS="5")
    connections = [server.connect() for _ in range(10)]
    assert [ask(each).headers["Connection"] for each in connections] == [None] * 10
    server.ask_to_stop()
    responses = [ask(each) for each in connections]
    assert [each.status for each in responses] == [200] * 10
    assert [each.headers["Connection"] for each in responses] == ["close"] * 10
    assert server.exit_code() == 0


def test_new_connections_are_accepted_for_a_while(start_server: Any) -> None:
    server = start_server(DRAIN_QUIET_SECONDS="5")
    server.ask_to_stop()
    response = ask(server.connect())
    assert (response.status, response.headers["Connection"]) == (200, "close")
    assert server.exit_code() == 0


def test_stays_ready_while_it_is_stopping(start_server: Any) -> None:
    server = start_server(DRAIN_QUIET_SECONDS="5")
    server.ask_to_stop()
    connection = server.connect()
    connection.request("GET", "/healthz")
    assert finish(connection).status == 200


def test_requests_in_flight_are_answered(start_server: Any) -> None:
    server = start_server(BURN_MS="1500", DRAIN_QUIET_SECONDS="0.1")
    connection = server.connect()
    ask_for_one = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(NO_ROWS)}\r\n\r\n"
    connection.connect()
    connection.sock.sendall((ask_for_one + NO_ROWS).encode())
    server.ask_to_stop()
    answer = b"".join(iter(lambda: connection.sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" in answer
    assert server.exit_code() == 0


def test_a_connection_that_stays_silent_is_closed(start_server: Any) -> None:
    server = start_server()
    connection = server.connect()
    assert ask(connection).status == 200
    server.ask_to_stop()
    assert connection.sock.recv(1) == b""
    assert server.exit_code() == 0


def test_gives_up_on_a_caller_that_never_finishes(start_server: Any) -> None:
    server = start_server(DRAIN_LIMIT_SECONDS="0.6")
    connection = server.connect()
    connection.connect()
    connection.sock.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
    ask(server.connect())  # by now the server has seen the first caller too
    server.ask_to_stop()
    assert server.read_log()["message"] == "stopped with connections still busy"
    assert server.exit_code() == 1


def test_an_interrupt_stops_it_too(start_server: Any) -> None:
    server = start_server()
    server.process.send_signal(signal.SIGINT)
    assert server.exit_code() == 0
