"""State secrets are told by their marks; letters in which the same syllables mean something else pass."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.pki import Identity
from hub.envelope.writing import OutgoingAttachment, document_message
from hub.problems import Finding
from hub.validation.secrecy import declared, notation_mark, text_mark
from tests.hostile.forgery import seal, within
from tests.intake.register import PDF, Register, letter, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"
HEADER = "/edXML/edXMLEnvelope/edXMLHeader/"

MARKED = [
    "MẬT",
    "Tối mật",
    "MẬT: Kế hoạch diễn tập khu vực phòng thủ",
    "Mật - Kế hoạch diễn tập khu vực phòng thủ",
    "Mật. Về việc bố trí lực lượng",
    "[MẬT] Tăng cường bảo mật thông tin",
    "[TUYỆT MẬT] Báo cáo",
    "[Tuyệt Mật] Báo cáo",
    "<MẬT> Kế hoạch",
    "Báo cáo tình hình biên giới (Mật)",
    "Báo cáo tình hình biên giới (Tối mật)",
    "(độ Mật) Báo cáo tình hình biên giới",
    "Báo cáo (TUYET MAT)",
    "Độ mật: Tối mật",
    "Độ mật: Mật; về việc bố trí lực lượng",
    "ĐỘ MẬT = A",
    "Báo cáo quý III. Độ: Tuyệt mật",
    "TỐI MẬT Kế hoạch tác chiến",
    "Kế hoạch tác chiến TUYỆT MẬT",
    "kế hoạch tuyệt mật về bố trí lực lượng",
    "Kế hoạch bố trí lực lượng - Mật",
    "Kế hoạch bố trí lực lượng / MẬT",
    "Kế hoạch bố trí lực lượng, MẬT",
    "Kế hoạch MẬT về diễn tập",
    "KẾ HOẠCH MẬT VỀ DIỄN TẬP",
    "CÔNG VĂN MẬT VỀ DIỄN TẬP",
    "Báo cáo công tác bảo vệ bí mật nhà nước (Tối mật)",
    "BÁO CÁO CÔNG TÁC BẢO VỆ BÍ MẬT NHÀ NƯỚC - MẬT",
    "Báo cáo bảo vệ bí mật nhà nước. Độ Mật",
    "M Ậ T Kế hoạch",
    "M.Ậ.T Kế hoạch",
    "TỐI\u00a0MẬT Kế hoạch",
    "TỐI\u2003 MẬT Kế hoạch",
    "TỐIMẬT Kế hoạch",
    "M\u200bẬT Kế hoạch",
    "M\u00adẬ\u2060T Kế hoạch",
    "\ufeffMẬT: kế hoạch",
    "\u041cẬ\u0422 Kế hoạch",
    "\uff2dẬ\uff34 Kế hoạch",
    "tỐI mẬT",
    "mẬT kế hoạch",
]
ORDINARY = [
    "Về việc bảo mật thông tin",
    "TĂNG CƯỜNG BẢO MẬT THÔNG TIN TRÊN TRỤC LIÊN THÔNG",
    "Bảo mật: hướng dẫn đổi mật khẩu định kỳ",
    "Đào tạo an toàn, bảo mật",
    "Nghiệm thu hệ thống bảo mật.",
    "Cam kết bảo mật - mật khẩu - khóa bí mật",
    "Triển khai thi hành Luật Bảo vệ bí mật nhà nước",
    "TRIỂN KHAI LUẬT BẢO VỆ BÍ MẬT NHÀ NƯỚC",
    "Ban hành Danh mục bí mật nhà nước độ Tuyệt mật, Tối mật, Mật thuộc lĩnh vực y tế",
    "Ban hành Danh mục bí mật nhà nước độ Tối mật và độ Mật của Đảng",
    "DANH MỤC BÍ MẬT NHÀ NƯỚC ĐỘ TUYỆT MẬT, TỐI MẬT VÀ MẬT",
    "Danh mục bí mật nhà nước độ Tuyệt mật/Tối mật/Mật",
    "Rà soát văn bản mật, tài liệu mật lưu trữ",
    "Giải mật tài liệu lưu trữ",
    "GIẢI MẬT TÀI LIỆU LƯU TRỮ",
    "GIA HẠN, ĐIỀU CHỈNH ĐỘ MẬT",
    "Độ mật: Thường",
    "Độ mật: không",
    "Độ mật: bình thường",
    "VĂN BẢN KHÔNG MẬT",
    "Mật độ xây dựng đô thị",
    "MẬT ĐỘ DÂN SỐ NĂM 2026",
    "Báo cáo mật độ, tốc độ lưu thông",
    "Mật ong rừng U Minh Thượng",
    "HỖ TRỢ HỘ NUÔI ONG LẤY MẬT",
    "Cây mật nhân, mật cật",
    "Mật mã dân sự",
    "BAN CƠ YẾU, MẬT MÃ DÂN SỰ",
    "Quan hệ thân mật, gần gũi với Nhân dân",
    "Phẫu thuật nội soi túi mật",
    "ĐIỀU TRỊ SỎI MẬT",
    "Tuần trăng mật",
    "Ông Nguyễn Văn Mật, xã Vĩnh Hòa",
    "ÔNG NGUYỄN VĂN MẬT",
    "Bà Trần Thị Mật - xã Vĩnh Hòa",
    "Mất mát tài sản công",
    "Giải phóng mặt bằng",
    "GIẢI PHÓNG MẶT BẰNG",
    "Bật tường lửa, cập nhật phần mềm",
    "Chương trình MAT (điều trị thay thế)",
    "Thuật toán, kỹ thuật số",
]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("text", MARKED)
def test_a_mark_is_found(text: str, form: str) -> None:
    assert text_mark(unicodedata.normalize(form, text)) != ""  # type: ignore[arg-type]  # one of the four names


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_letter_passes(text: str) -> None:
    assert text_mark(text) == ""
    assert text_mark(unicodedata.normalize("NFD", text)) == ""


@pytest.mark.parametrize("text", ["UBND-MẬT", "MẬT-UBND", "BC-UBND(MẬT)", "UBND.TỐI MẬT", "KH-TUYỆTMẬT", "UBND_TOIMAT"])
def test_a_notation_with_a_degree_is_found(text: str) -> None:
    assert notation_mark(text) != ""


@pytest.mark.parametrize("text", ["UBND-VP", "QĐ-TTg", "MTTQ-MẶT TRẬN", "BMNN-CA", "TT-BẢO MẬT", "MẬT MÃ-CY"])
def test_an_ordinary_notation_passes(text: str) -> None:
    assert notation_mark(text) == ""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SecrecyLevel", "2", True),
        ("SecrecyLevel", "0", False),
        ("DoMat", "Mật", True),
        ("DoMat", "Thường", False),
        ("Độ_Mật", "Tối mật", True),
        ("secret", "TRUE", True),
        ("Secret", "false", False),
        ("Classification", "Hành chính", False),
        ("Classification", "Top Secret", True),
        ("Security", "TLS", False),
        ("Confidentiality", "mật", True),
        ("DoKhanMat", "Khẩn", False),
        ("DoKhanMat", "Khẩn, Mật", True),
        ("Subject", "2", False),
        ("Format", "mat", False),
    ],
)
def test_elements_of_vendors_may_declare_secrecy(name: str, text: str, *, expected: bool) -> None:
    assert declared(name, text) is expected


PLAIN = [text for text in ORDINARY if "nhà nước độ" not in text.casefold()]  # those name the degrees themselves


@given(st.sampled_from(PLAIN), st.sampled_from(["[MẬT]", "(Tối mật)", "TUYỆT MẬT"]), st.data())
def test_a_stamp_is_found_wherever_it_stands(text: str, stamp: str, data: st.DataObject) -> None:
    words = text.split()
    words.insert(data.draw(st.integers(0, len(words))), stamp)
    assert text_mark(" ".join(words)) != ""


@given(st.text(alphabet="bcdđghklnpqrsvx aăeêioơuưàáảãạ.,:()-", max_size=80))
def test_without_the_syllable_nothing_is_found(text: str) -> None:
    assert text_mark(text) == ""
    assert notation_mark(text) == ""


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT)
    return register


@pytest.fixture(scope="module")
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


async def secrets(register: Register, body: bytes) -> list[Finding]:
    return [one for one in await register.findings(body, SENDER) if one.code == "secret-document"]


FIELDS = {
    "the subject": ({"subject": "[MẬT] Kế hoạch"}, "Subject: [MẬT]", "MessageHeader/Subject"),
    "the summary": ({"content": "Tối mật"}, "Content: Tối mật", "MessageHeader/Content"),
    "the notation": ({"notation": "UBND-MẬT"}, "Code/CodeNotation: MẬT", "MessageHeader/Code/CodeNotation"),
    "the number": ({"number": "12-MẬT"}, "Code/CodeNumber: MẬT", "MessageHeader/Code/CodeNumber"),
    "the sphere": ({"sphere": "Mật"}, "OtherInfo/SphereOfPromulgation: Mật", "MessageHeader/OtherInfo/Sphere"),
    "the kind": (
        {"type_name": "Công văn (mật)"},
        "DocumentType/TypeName: (mật)",
        "MessageHeader/DocumentType/TypeName",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
async def test_a_marked_letter_is_refused_with_the_mark_and_its_place(
    register: Register, sender: Identity, name: str
) -> None:
    changes, detail, place = FIELDS[name]
    found = await secrets(register, signed_letter(sender, RECIPIENT, **changes))
    assert [(one.detail, one.rule) for one in found] == [(detail, "secrecy.none")]
    assert found[0].location.startswith(HEADER + place)


async def test_a_file_with_a_stamp_in_its_name_is_refused_and_one_without_is_not(
    register: Register, sender: Identity
) -> None:
    for name, expected in (("Ke hoach_MẬT.pdf", 2), ("Mật độ dân số.pdf", 0)):  # manifest and attachment
        file = OutgoingAttachment(name, PDF, "application/pdf", content_id="a1")
        assert len(await secrets(register, signed_letter(sender, RECIPIENT, attachments=(file,)))) == expected


@pytest.mark.parametrize("prefix", ["edXML:", "v:"])
async def test_an_element_that_declares_secrecy_is_refused_whatever_its_namespace(
    register: Register, sender: Identity, prefix: str
) -> None:
    for text, expected in (("Mật", True), ("Thường", False)):
        element = f'<{prefix}DoMat xmlns:v="urn:vendor:x">{text}</{prefix}DoMat><edXML:Subject>'
        message = within(document_message(letter(SENDER, RECIPIENT)), "<edXML:Subject>", element)
        found = await secrets(register, seal(message, sender))
        assert bool(found) is expected
        assert all(one.location.endswith("DoMat") for one in found)


async def test_a_thousand_marks_make_no_thousand_findings(register: Register, sender: Identity) -> None:
    files = tuple(OutgoingAttachment("[MẬT].pdf", PDF, content_id=f"a{number}") for number in range(100))
    assert len(await secrets(register, signed_letter(sender, RECIPIENT, attachments=files))) == 20
