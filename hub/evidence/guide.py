"""README.txt: how a stranger checks the pack with tools that are not ours, and what those tools do not look at.

Every line that begins with ``  $ `` is a command for a POSIX shell in the directory of the unpacked files; a test takes
these very lines and runs them.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.audit.note import Note
from hub.evidence.names import (
    ASIC_MANIFEST,
    CHECKPOINT,
    DOCUMENT,
    LOG_KEYS,
    SEAL_CERTIFICATE,
    SIGNATURE,
    SUMS,
    TSA_ANCHORS,
    key_member,
)
from hub.evidence.proving import Published, algorithm_of, log_keys_of, unstamped
from hub.evidence.records import Named
from hub.ledger.case import Case, Stamp
from hub.ledger.evidence import Piece

COMMAND = "  $ "
_RULE = "-" * 78
_WORK = "mkdir -p work"


def text(case: Case, named: Named, published: Published, stamps: Sequence[tuple[str, str, Stamp]]) -> str:
    """The whole file. Vietnamese first, English after it; the commands are the same."""
    sections = [
        _intro(case, published),
        _whole(),
        _document(case, named),
        _path(case, named),
        _receipts(case),
        _log(case, published),
        _stamps(case, stamps, published),
        _ours(case, published),
        _limits(case),
    ]
    return f"\n{_RULE}\n".join("\n".join(lines) + "\n" for lines in sections if lines)


def _run(command: str) -> str:
    return COMMAND + command


def _intro(case: Case, published: Published) -> list[str]:
    letter = case.letter
    return [
        "HỒ SƠ CHỨNG CỨ GỬI NHẬN VĂN BẢN ĐIỆN TỬ / EVIDENCE PACK OF A DOCUMENT EXCHANGE",
        "",
        f"Văn bản / document      {letter.number}/{letter.notation}, {letter.document_id}",
        f"Cơ quan gửi / sender    {letter.sender_name} ({letter.sender_code})",
        f"Mã gói tin / envelope   {letter.id}",
        f"Trục liên thông / hub   {published.hub}",
        "",
        "Tệp này kiểm tra được mà không cần hỏi trục liên thông. Giải nén vào một thư mục trống rồi chạy các lệnh sau",
        "trong thư mục đó; lệnh nào báo lỗi (mã thoát khác 0) thì điều nó kiểm tra không đúng. Đọc summary.html trước.",
        "This file can be checked without asking the hub. Unpack it into an empty directory and run these commands",
        "there; where one fails (exit code other than 0), what it checks does not hold. Read summary.html first.",
    ]


def _whole() -> list[str]:
    return [
        "1. CÁC TỆP CÒN NGUYÊN VẸN / THE FILES ARE WHOLE AND UNCHANGED",
        "",
        _run(f"sha256sum --strict --quiet -c {SUMS}"),
        _run(f'grep -qF "$(openssl dgst -sha256 -binary {SUMS} | base64)" {ASIC_MANIFEST}'),
        _run(
            f"openssl cms -verify -binary -inform DER -in {SIGNATURE} -content {ASIC_MANIFEST}"
            f" -CAfile {SEAL_CERTIFICATE} -out /dev/null"
        ),
        _run(f"openssl x509 -in {SEAL_CERTIFICATE} -noout -subject -fingerprint -sha256"),
        "",
        "So dấu vân tay với chứng thư mà trục liên thông công bố tại /.well-known/lienthong-evidence.pem.",
        "Compare the fingerprint with the certificate that the hub publishes at /.well-known/lienthong-evidence.pem.",
    ]


def _certificates(named: Named) -> list[tuple[str, Piece]]:
    """Leaf first, anchor last, as PEM members."""
    found = [(f"{name.removesuffix('.cer')}.pem", one) for name, one in named.pieces if one.kind == "certificate"]
    return [(name, one) for name, one in found if one.role in ("signer", "authority", "anchor")]


def _document(case: Case, named: Named) -> list[str]:
    title = "2. CHỮ KÝ SỐ CỦA CƠ QUAN GỬI / THE SENDER'S SIGNATURE"
    if case.purged is not None:
        return [
            title,
            "",
            "Nội dung đã được hủy theo thời hạn bảo quản (xem decision.json);",
            "mã băm và biên nhận vẫn còn kiểm tra được.",
            "The content was purged by the retention policy (see decision.json);",
            "digest and receipts can still be checked.",
        ]
    chain = _certificates(named)
    if len(chain) < 2:
        return []
    at = f"{_moment(case, named).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    algorithm = str(case.letter.details.get("signer", {}).get("algorithm", ""))
    newer = [
        f"Văn bản này ký {algorithm}: lệnh xmlsec1 cần bản 1.3 trở lên.",
        f"This letter is signed with {algorithm}: the xmlsec1 command needs version 1.3 or later.",
    ]
    between = "".join(f" --untrusted-pem {name}" for name, _ in chain[1:-1])
    return [
        title,
        "",
        *(newer if "PSS" in algorithm else ()),
        _run(f"! grep -aq '<!DOCTYPE' {DOCUMENT}"),
        _run(f"test \"$(grep -aoE '<([A-Za-z0-9_.-]+:)?Signature[ >]' {DOCUMENT} | wc -l)\" -eq 1"),
        _run(
            "xmlsec1 --verify --enabled-key-data x509 --enabled-reference-uris empty"
            f" --trusted-pem {chain[-1][0]}{between} --verification-gmt-time '{at}' {DOCUMENT}"
        ),
        "",
        "xmlsec1 không đếm chữ ký, chấp nhận phép biến đổi lạ và không xem danh sách thu hồi; bản 1.2 không biết",
        "RSA-PSS và không đọc được đoạn văn bản dài hơn 10.000.000 byte. Hai lệnh đầu và mục 7 bù cho các điểm đó.",
        "xmlsec1 counts no signatures, accepts other transforms and knows no revocation lists; version 1.2 knows no",
        "RSA-PSS and no text longer than 10,000,000 octets. The first two commands and section 7 make up for that.",
        "To see what was digested: xmlsec1 --verify --store-references --print-debug ...",
    ]


def _moment(case: Case, named: Named) -> datetime:
    """When the hub decided; a little later where an answer it used was given within the tolerated skew of clocks."""
    used = [one.this_update for _, one in named.pieces if one.role == "revocation" and one.this_update is not None]
    return max(case.letter.received_at.replace(microsecond=0), *used, key=lambda one: one.timestamp())


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the hub knew of a certificate's revocation: the members of certificate, issuer and answer."""

    certificate: str
    issuer: str
    member: str
    kind: str


def _answers(case: Case, named: Named) -> list[_Answer]:
    by_digest = {piece.sha256: name for name, piece in named.pieces}
    found = []
    facts: list[dict[str, Any]] = list(case.letter.details.get("signer", {}).get("revocations", ()))
    for one in facts:
        members = [by_digest.get(one.get(name, "")) for name in ("certificate_sha256", "issuer_sha256", "sha256")]
        if None not in members:
            pem = [str(name).removesuffix(".cer") + ".pem" for name in members[:2]]
            found.append(_Answer(pem[0], pem[1], str(members[2]), one["kind"]))
    return found


def _path(case: Case, named: Named) -> list[str]:
    chain = _certificates(named)
    if len(chain) < 2:
        return []
    answers = _answers(case, named)
    listed = {one.certificate: one for one in answers if one.kind == "crl"}
    names = [name for name, _ in chain]
    anchor, epoch = names[-1], int(_moment(case, named).timestamp())
    partial = "" if _self_signed(chain[-1][1]) else "-partial_chain "

    def verified(place: int, lists: str) -> str:
        above = "".join(f"-untrusted {name} " for name in names[place + 1 : -1])
        return _run(f"openssl verify -attime {epoch} {partial}{lists}-CAfile {anchor} {above}{names[place]}")

    if listed.keys() >= set(names[:-1]):
        members = dict.fromkeys(listed[name].member for name in names[:-1])
        commands = [verified(0, "-crl_check_all " + "".join(f"-CRLfile {name}.pem " for name in members))]
    else:
        # no list for some: OpenSSL would want one of every certificate at once
        commands = [verified(0, "")] + [
            verified(place, f"-crl_check -CRLfile {listed[name].member}.pem ")
            for place, name in enumerate(names[:-1])
            if name in listed
        ]
    return [
        "3. CHỨNG THƯ CỦA NGƯỜI KÝ TẠI THỜI ĐIỂM TIẾP NHẬN / THE SIGNER'S CERTIFICATE WHEN THE HUB DECIDED",
        "",
        *commands,
        *(
            _run(
                f"openssl ocsp -respin {one.member} -no_nonce -attime {epoch} -CAfile {anchor}"
                f" -verify_other signer/chain.pem -issuer {one.issuer} -cert {one.certificate} | grep ': good$'"
            )
            for one in answers
            if one.kind == "ocsp"
        ),
        "",
        f"Chứng thư gốc ({anchor}) phải được đối chiếu với nguồn khác: bản trong hồ sơ chỉ để tiện chạy lệnh.",
        f"The root ({anchor}) must be compared with another source: the copy in the pack is a convenience.",
    ]


def _self_signed(piece: Piece) -> bool:
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(piece.der)
    return certificate.issuer == certificate.subject


def _receipts(case: Case) -> list[str]:
    heads = sorted({leaf.jws.split(".")[0] for leaf in case.leaves if leaf.jws})
    lines = [
        "4. BIÊN NHẬN DO TRỤC LIÊN THÔNG KÝ / THE RECEIPTS THAT THE HUB SIGNED",
        "",
        _run(_WORK),
        *(_run(signed(head)) for head in heads),
        _run(f"test $(grep -rlE '^({'|'.join(heads)})[.]' receipts | wc -l) -eq $(ls receipts | grep -c jws$)"),
    ]
    if case.purged is None:
        digest = f'"$(sha256sum {DOCUMENT} | cut -c1-64)"'
        lines.append(_run(f"test $(grep -rlF {digest} receipts | grep -c json$) -eq $(ls receipts | grep -c json$)"))
    return [
        *lines,
        "",
        "Mỗi tệp .json là nội dung của tệp .jws cùng tên; trường sha256 là mã băm của bản gốc (envelope.xml).",
        "Khóa công khai phải được đối chiếu với khóa mà trục liên thông công bố (/.well-known/jwks.json) hoặc đã lưu.",
        "Each .json is what the .jws of the same name says; sha256: digest of the original octets (envelope.xml).",
        "Compare the public keys with those that the hub publishes (/.well-known/jwks.json) or that you kept.",
    ]


def signed(head: str) -> str:
    """Check all receipts with this header: two pieces of text, a signature in base64url (RFC 7515 §5.2)."""
    algorithm, kid = algorithm_of(head)
    key = key_member(kid)
    check = f"openssl pkeyutl -verify -pubin -inkey {key} -rawin -in work/signed -sigfile work/signature"
    if algorithm == "ES256":
        # RFC 7518 §3.4 has two bare numbers; openssl wants them as ASN.1
        check = (
            "od -An -v -tx1 work/signature | tr -d ' \\n' > work/hex;"
            " printf 'asn1=SEQUENCE:s\\n[s]\\nr=INTEGER:0x%s\\ns=INTEGER:0x%s\\n'"
            ' "$(cut -c1-64 work/hex)" "$(cut -c65-128 work/hex)" > work/numbers;'
            " openssl asn1parse -genconf work/numbers -noout -out work/der;"
            f" openssl dgst -sha256 -verify {key} -signature work/der work/signed"
        )
    return (
        f"( for one in $(grep -rl '^{head}[.]' receipts); do cut -d. -f1,2 $one | tr -d '\\n' > work/signed;"
        " { cut -d. -f3 $one | tr -d '\\n' | tr '_-' '/+'; echo '=='; } | base64 -d > work/signature;"
        f" {check} || exit 1; done )"
    )


def _log(case: Case, published: Published) -> list[str]:
    if not case.checkpoints:
        return []
    newest = Note.parse(case.checkpoints[max(case.checkpoints)].note)
    number, key = next(one for one in enumerate(log_keys_of(case, published), 1) if newest.signed_by(one[1]))
    # the first four octets of a signature name the key (C2SP signed-note); a line of another key may have the name
    chosen = (
        f"grep -F {shlex.quote(f'— {key.name} ')} {CHECKPOINT} | cut -d' ' -f3 | while read -r one; do"
        f' test "$(echo "$one" | base64 -d | head -c 4 | od -An -tx1 | tr -d \' \')" = {key.id.hex()} || continue;'
        ' echo "$one" | base64 -d | tail -c 64; done > work/note.signature'
    )
    lines = [
        "5. NHẬT KÝ MINH BẠCH / THE TRANSPARENCY LOG",
        "",
        _run(_WORK),
        _run(f"sed '/^$/,$d' {CHECKPOINT} > work/note"),
        _run(chosen),
        _run(
            f"openssl pkeyutl -verify -pubin -inkey keys/log-{number}.pem -rawin -in work/note"
            " -sigfile work/note.signature"
        ),
    ]
    return [
        *lines,
        "",
        "log/NN.leaf.json là đúng các byte đã được ghi; log/NN.tlog-proof (C2SP tlog-proof) chứng minh chúng nằm",
        "trong cây Merkle (RFC 9162) mà điểm kiểm đã ký; log/consistency-*.txt chứng minh cây sau bắt đầu bằng",
        "cây trước. openssl không tính được các chứng minh này: dùng lệnh ở mục 7 hoặc phần mềm C2SP bất kỳ.",
        "log/NN.leaf.json are the very octets that were logged; log/NN.tlog-proof (C2SP tlog-proof) proves that they",
        "are in the Merkle tree (RFC 9162) of a signed checkpoint; log/consistency-*.txt that each tree begins with",
        "the one before. openssl cannot compute these: use the command of section 7, or any C2SP software.",
        f"Khóa của nhật ký ({LOG_KEYS}) phải lấy từ nguồn khác, không phải từ hồ sơ này.",
        f"The log's key ({LOG_KEYS}) must come from elsewhere, not from this pack.",
    ]


def _stamps(case: Case, stamps: Sequence[tuple[str, str, Stamp]], published: Published) -> list[str]:
    lines = ["6. DẤU THỜI GIAN ĐỘC LẬP (RFC 3161) / INDEPENDENT TIME STAMPS (RFC 3161)", ""]
    if stamps and published.tsa_anchors:
        lines += [
            _run(
                f"openssl ts -verify -in {member} -data {note} -CAfile {TSA_ANCHORS}"
                f" -attime {int(stamp.stamped_at.astimezone(UTC).timestamp())}"
            )
            for member, note, stamp in stamps
        ]
        lines += ["", *(f"{member}: {one.stamped_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {one.authority}"
                        for member, _, one in stamps)]  # fmt: skip
        lines += [
            "Chứng thư gốc của tổ chức cấp dấu thời gian phải được đối chiếu với nguồn khác.",
            "The root of the time-stamping authority must be compared with another source.",
        ]
    if unstamped(case):
        lines += [
            "Một số bản ghi chưa có dấu thời gian: xem timestamps/PENDING.txt.",
            "Some records have no time stamp yet: see timestamps/PENDING.txt.",
        ]
    return lines


def _ours(case: Case, published: Published) -> list[str]:
    anchor = "" if case.purged is not None else "--anchor ROOT.pem "
    witness = "--witness-key VKEY " if case.cosignatures else ""
    tsa = "--tsa-anchor TSA-ROOT.pem " if case.stamps and published.tsa_anchors else ""
    return [
        "7. TẤT CẢ TRONG MỘT LỆNH, KHÔNG CẦN MẠNG / ALL OF IT BY ONE COMMAND, OFFLINE",
        "",
        "    lienthong verify PACK.asice " + anchor + f"--log-key VKEY {witness}{tsa}--hub-key JWKS --seal PEM",
        "",
        "ROOT.pem, VKEY, JWKS, PEM: lấy từ nguồn mà bạn tin, không phải từ hồ sơ này. Thiếu khóa nào thì lệnh ghi rõ",
        "điều tương ứng là chưa được chứng minh.",
        "ROOT.pem, VKEY, JWKS, PEM: from a source that you trust, not from this pack. Where one is missing, the",
        "command says that what depends on it is unproved.",
    ]


def _limits(case: Case) -> list[str]:
    return [
        "8. ĐIỀU KHÔNG ĐƯỢC KIỂM TRA BỞI CÁC CÔNG CỤ TRÊN / WHAT THESE TOOLS DO NOT LOOK AT",
        "",
        "- tệp thừa: sha256sum chỉ xem các tệp có tên; không tin tệp nào không có trong SHA256SUMS.",
        "- chữ ký XML: số chữ ký, DTD, phép biến đổi, thứ tự: `lienthong verify` chỉ nhận một dạng (hồ sơ strict).",
        "- thời hạn và thu hồi chứng thư của tổ chức cấp dấu thời gian sau thời điểm cấp.",
        "- sự thật của nội dung văn bản: chữ ký chứng minh ai ký, không chứng minh điều được viết là đúng.",
        "- extra files: sha256sum looks at those named only; trust none that SHA256SUMS does not name.",
        "- the XML signature: how many there are, DTD, transforms, order: `lienthong verify` takes one form only.",
        "- revocation of a time-stamping authority's certificate after its stamp.",
        "- the truth of what is written: a signature proves who signed, not that it is right.",
        *(
            []
            if case.whole
            else [
                "- hồ sơ này lập cho một bên nhận: không có bản ghi của các bên nhận khác.",
                "- this pack was made for one recipient: it has nothing about the other recipients.",
            ]
        ),
    ]
