"""What ``summary.html`` says, in both languages: (Vietnamese, English). The page shows both, whoever reads it."""

from __future__ import annotations

Pair = tuple[str, str]

# what a receipt proves, by its event
EVENTS: dict[str, Pair] = {
    "envelope.accepted": ("Trục liên thông tiếp nhận", "Accepted by the hub"),
    "delivery.settled": ("Hệ thống bên nhận đã nhận", "Taken by the recipient's system"),
    "delivery.refused": ("Bên nhận từ chối", "Refused by the recipient"),
    "delivery.withdrawn": ("Đã rút lại trước khi bên nhận lấy", "Taken back before the recipient took it"),
    "delivery.dead": ("Không giao được", "Could not be delivered"),
    "status.received": ("Bên nhận báo trạng thái", "Status reported by the recipient"),
}
NOTICE: Pair = ("Thông báo", "Notice")

STATES: dict[str, Pair] = {
    "pending": ("Đang chuyển", "On its way"),
    "published": ("Đang chuyển", "On its way"),
    "ready": ("Chờ bên nhận lấy", "Waiting to be taken"),
    "leased": ("Bên nhận đang lấy", "Being taken"),
    "settled": ("Đã đến", "Arrived"),
    "refused": ("Bị từ chối", "Refused"),
    "dead": ("Không giao được", "Undeliverable"),
    "withdrawn": ("Đã rút lại", "Withdrawn"),
}

# business status (QCVN 102:2016, StatusCode)
STATUSES: dict[str, Pair] = {
    "01": ("Đã đến", "Arrived"),
    "02": ("Từ chối", "Returned"),
    "03": ("Đã tiếp nhận", "Accepted"),
    "04": ("Phân công xử lý", "Assigned"),
    "05": ("Đang xử lý", "In process"),
    "06": ("Hoàn thành", "Finished"),
    "13": ("Yêu cầu lấy lại", "Recall requested"),
    "15": ("Đồng ý lấy lại", "Recall agreed"),
    "16": ("Từ chối lấy lại", "Recall declined"),
}

TITLE: Pair = ("Hồ sơ chứng cứ gửi nhận văn bản điện tử", "Evidence of a document exchange")
DOCUMENT: Pair = ("Văn bản", "The document")
SIGNER: Pair = ("Chữ ký số của cơ quan gửi", "The sender's signature")
COURSE: Pair = ("Từng cơ quan nhận", "What each recipient did")
PROVED: Pair = ("Điều gì được chứng minh, bằng gì", "What is proved, and by what")
HOW: Pair = ("Tự kiểm tra", "Check it yourself")

SENDER: Pair = ("Cơ quan gửi", "Sender")
NUMBER: Pair = ("Số, ký hiệu", "Number")
KIND: Pair = ("Loại văn bản", "Kind")
SUBJECT: Pair = ("Trích yếu", "Subject")
PROMULGATED: Pair = ("Ngày ban hành", "Date of issue")
ACCEPTED: Pair = ("Trục liên thông tiếp nhận lúc", "Accepted by the hub at")
DOCUMENT_ID: Pair = ("Mã định danh văn bản", "Document id")
ENVELOPE_ID: Pair = ("Mã gói tin", "Envelope id")
DIGEST: Pair = ("Mã băm SHA-256 của bản gốc", "SHA-256 of the original octets")
BESIDE: Pair = ("Tệp đính kèm gửi kèm", "Attachments beside it")

CERTIFICATE: Pair = ("Chứng thư cấp cho", "Certificate of")
ISSUER: Pair = ("Do", "Issued by")
UNTIL: Pair = ("Có hiệu lực đến", "Valid until")
REVOCATION: Pair = ("Thu hồi, tại thời điểm tiếp nhận", "Revocation, when the hub decided")
ALGORITHM: Pair = ("Thuật toán", "Algorithm")
WARNINGS: Pair = ("Cảnh báo khi tiếp nhận", "Warnings on acceptance")
GOOD: Pair = ("không bị thu hồi", "not revoked")
UNKNOWN: Pair = ("chưa xác định được khi đó", "could not be told then")
NO_SIGNER: Pair = ("Không có thông tin về người ký.", "Nothing is recorded about a signer.")

RECIPIENT: Pair = ("Cơ quan nhận", "Recipient")
STATE: Pair = ("Tình trạng", "State")
STEPS: Pair = ("Việc đã xảy ra, theo biên nhận có chữ ký", "What happened, by signed receipts")

CLAIM: Pair = ("Điều được chứng minh", "What is proved")
BY: Pair = ("Bằng", "By")
CHECK: Pair = ("README.txt", "section")
SHOWN: Pair = ("Đã có", "Shown")
YES: Pair = ("có", "yes")
IN_PART: Pair = ("một phần", "in part")
NOT_YET: Pair = ("chưa", "not yet")
MADE: Pair = ("Lập lúc", "Made at")
RECEIPTS: Pair = ("biên nhận", "receipts")
RECORDS: Pair = ("bản ghi", "records")

ONE_SIDE: Pair = (
    "Hồ sơ này lập cho một bên nhận: không có phần của các bên nhận khác.",
    "Made for one recipient: what concerns the other recipients is left out.",
)
PURGED: Pair = (
    "Nội dung văn bản đã được hủy theo thời hạn bảo quản; mã băm, biên nhận và chứng minh vẫn kiểm tra được.",
    "The content was purged by the retention policy; digest, receipts and proofs can be checked as before.",
)
TIMES: Pair = ("Giờ Việt Nam (UTC+7)", "Vietnam time (UTC+7)")
NOT_A_VERDICT: Pair = (
    "Trang này tóm tắt để người đọc dễ hiểu. Giá trị chứng cứ nằm ở các tệp có chữ ký; lệnh kiểm tra ở README.txt.",
    "This page is a summary for readers. The evidence is in the signed files; README.txt has the commands.",
)

PROOFS: dict[str, tuple[Pair, Pair, str]] = {
    "octets": (
        (
            "Cơ quan gửi đã ký đúng văn bản này, và nó không bị thay đổi từ khi ký",
            "The sender signed this very document, and it has not changed since",
        ),
        ("chữ ký số trong envelope.xml và chuỗi chứng thư", "the signature in envelope.xml and its certificates"),
        "2, 3",
    ),
    "receipts": (
        (
            "Trục liên thông đã tiếp nhận và giao văn bản có mã băm này, cho ai, lúc nào",
            "The hub accepted and handed over the document with this digest, to whom and when",
        ),
        ("biên nhận có chữ ký của trục liên thông", "receipts signed by the hub"),
        "4",
    ),
    "log": (
        (
            "Các biên nhận và bản ghi trên có trong nhật ký và không bị sửa về sau",
            "These receipts and entries stand in the log and were not changed later",
        ),
        ("chứng minh Merkle và điểm kiểm có chữ ký", "Merkle proofs and signed checkpoints"),
        "5, 7",
    ),
    "witnesses": (
        (
            "Nhân chứng độc lập đã thấy cùng một nhật ký",
            "Independent witnesses saw the same log",
        ),
        ("chữ ký của nhân chứng trên điểm kiểm", "their cosignatures of checkpoints"),
        "7",
    ),
    "stamps": (
        (
            "Các bản ghi đã có không muộn hơn thời điểm của dấu thời gian",
            "The records existed no later than the time of the stamp",
        ),
        ("dấu thời gian RFC 3161", "RFC 3161 time stamps"),
        "6",
    ),
}
PENDING_STAMPS: Pair = (
    "chưa có dấu thời gian, xem timestamps/PENDING.txt",
    "not stamped yet, see timestamps/PENDING.txt",
)
NO_WITNESS: Pair = ("chưa có nhân chứng nào ký", "no witness has cosigned yet")
NOT_SEALED: Pair = (
    "một số bản ghi chưa vào nhật ký khi lập hồ sơ",
    "some records were not sealed yet when this was made",
)
