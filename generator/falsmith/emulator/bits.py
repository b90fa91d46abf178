"""Bits that are no whole bytes, as compressed pictures and videos have them."""

__all__ = ["packed", "signed", "text_bits", "unsigned"]


def text_bits(number: int, width: int) -> str:
    """Return a number as so many binary digits."""
    return f"{number:0{width}b}"


def unsigned(number: int) -> str:
    """Return the Exp-Golomb code of a number from 0: ITU-T H.264, 9.1."""
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits


def signed(number: int) -> str:
    """Return the signed Exp-Golomb code of a number: ITU-T H.264, 9.1.1."""
    return unsigned(2 * number - 1 if number > 0 else -2 * number)


def packed(digits: str, fill: str = "0") -> bytes:
    """Return binary digits as bytes, the last one filled up."""
    digits += fill * (-len(digits) % 8)
    return int(digits or "0", 2).to_bytes(len(digits) // 8)
