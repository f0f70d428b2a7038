#ifndef CREDENCE_CPKCS11_H
#define CREDENCE_CPKCS11_H

#include <stddef.h>
#include <stdint.h>

/// Where a key lies: a PKCS#11 module (a shared library), a token by its label, a key by its label.
struct credence_pkcs11_place {
    const char *module;
    const char *token;
    const char *key;
    const char *pin;
    size_t pin_length;
    /// RSA-OAEP with SHA-256 and MGF1 of it when not 0, else with SHA-1.
    int uses_sha256;
};

/// Encrypts with the token's public key, or decrypts with its private key (CKM_RSA_PKCS_OAEP, PKCS#11 v2.40 §2.1.8), in a
/// session of its own.
///
/// Returns 0; or CKR_ of the call that failed, -1 when the module cannot be loaded, -2 when there is no such token, -3 when
/// there is no such key. `stage` then names the call.
///
/// `out_length` is the room in `out`, and afterwards how much of it was filled.
long credence_pkcs11_crypt(
    const struct credence_pkcs11_place *place, int decrypts, const uint8_t *in, size_t in_length, uint8_t *out,
    size_t *out_length, const char **stage);

#endif
