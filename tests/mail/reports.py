"""Delivery reports as mail servers write them; ``bounce`` is the return path of the mail that they are about."""

from __future__ import annotations

TOKEN = "0123456789abcdef0123456789abcdef"


def message_id(token: str = TOKEN, number: int = 1) -> str:
    return f"<{token}.{number}@lienthong.example>"


def postfix(token: str = TOKEN, *, action: str = "failed", status: str = "5.1.1", words: str = "") -> bytes:
    """The form of Postfix: plain words, machine part, head of the mail."""
    words = words or "550 5.1.1 <vanthu@h33.example>: Recipient address rejected: User unknown"
    return f"""Return-Path: <>
Delivered-To: bounce+{token}@lienthong.example
Date: Sun, 22 Nov 2026 14:00:00 +0700 (+07)
From: MAILER-DAEMON@mx.h33.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounce+{token}@lienthong.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1D2.1795330800/mx.h33.example"
Message-Id: <20261122070000.4F1D2@mx.h33.example>

This is a MIME-encapsulated message.

--4F1D2.1795330800/mx.h33.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.h33.example.

--4F1D2.1795330800/mx.h33.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.h33.example
Original-Envelope-Id: {token}
X-Postfix-Queue-ID: 4F1D2
Arrival-Date: Sun, 22 Nov 2026 13:59:58 +0700 (+07)

Final-Recipient: rfc822; vanthu@h33.example
Original-Recipient: rfc822;vanthu@h33.example
Action: {action}
Status: {status}
Remote-MTA: dns; store.h33.example
Diagnostic-Code: smtp; {words}

--4F1D2.1795330800/mx.h33.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <bounce+{token}@lienthong.example>
From: hub@lienthong.example
To: vanthu@h33.example
Message-ID: {message_id(token)}

--4F1D2.1795330800/mx.h33.example--
""".replace("\n", "\r\n").encode()


def exchange(token: str = TOKEN) -> bytes:
    """The form of Exchange: HTML first, the whole mail returned, odd letter case, no envelope identifier."""
    return f"""From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@h33.example>
To: <BOUNCE+{token.upper()}@lienthong.example>
Subject: =?utf-8?B?S2jDtG5nIGNodXnhu4NuIMSRxrDhu6Nj?=
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="a_b_c"

--a_b_c
Content-Type: multipart/alternative; differences=Content-Type; boundary="d_e_f"

--d_e_f
Content-Type: text/html; charset="us-ascii"

<html><body>Delivery has failed to these recipients</body></html>

--d_e_f--

--a_b_c
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.h33.example
Received-From-MTA: dns;mail.lienthong.example
Arrival-Date: Sun, 22 Nov 2026 07:00:00 +0000

Final-recipient: RFC822;vanthu@h33.example
Action: FAILED
Status: 5.2.2
Remote-MTA: dns;EX01.h33.example
X-Supplementary-Info: <smtp;552 5.2.2 mailbox full>
X-Display-Name: Van thu

--a_b_c
Content-Type: message/rfc822

Received: from hub by EX01
From: hub@lienthong.example
To: vanthu@h33.example
Message-ID: {message_id(token, 2)}
MIME-Version: 1.0
Content-Type: text/plain

body

--a_b_c--
""".encode()


def global_report(token: str = TOKEN) -> bytes:
    """A report about an internationalised mail (RFC 6533)."""
    return f"""To: bounce+{token}@lienthong.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=global-delivery-status; boundary=x

--x
Content-Type: message/global-delivery-status; charset=utf-8

Reporting-MTA: dns; mx.h33.example

Final-Recipient: utf-8; vănthư@h33.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 không có hộp thư

--x--
""".encode()


def several(token: str, *blocks: tuple[str, str]) -> bytes:
    """One report about several addresses that ours stands for."""
    listed = "\n".join(
        f"Final-Recipient: rfc822; member{number}@h33.example\nAction: {action}\nStatus: {status}\n"
        for number, (action, status) in enumerate(blocks)
    )
    return f"""To: bounce+{token}@lienthong.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.h33.example

{listed}
--x--
""".encode()
