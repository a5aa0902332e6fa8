"""AES-128 in CBC with PKCS7, as HLS encrypts segments (RFC 8216, section 4.3.2.4): extra `web`."""

from transcribe_cli.errors import AudioError

KEY_BYTES = 16


def decrypted(data: bytes, key: bytes, vector: bytes) -> bytes | None:
    """The decrypted segment; None if the data are no whole segment or the key is another's.

    Raises:
        AudioError: the package for decryption is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC
        from cryptography.hazmat.primitives.padding import PKCS7
    except ImportError as e:
        raise AudioError(
            "What the playlist leads to is encrypted, which takes a package more.",
            "pip install 'aai-stream[web]'",
        ) from e
    aes, padding = Cipher(AES(key), CBC(vector)).decryptor(), PKCS7(8 * KEY_BYTES).unpadder()
    try:
        return padding.update(aes.update(data) + aes.finalize()) + padding.finalize()
    except ValueError:
        return None
