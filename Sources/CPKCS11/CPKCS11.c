#include "CPKCS11.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

/* Labels of tokens are padded with blanks, without an end. */
static int is_label(const CK_UTF8CHAR *padded, size_t room, const char *label) {
    size_t length = strlen(label);
    if (length > room || memcmp(padded, label, length) != 0) return 0;
    for (size_t i = length; i < room; i++) {
        if (padded[i] != ' ') return 0;
    }
    return 1;
}

static long find_slot(CK_FUNCTION_LIST_PTR p11, const char *token, CK_SLOT_ID *found, const char **stage) {
    CK_SLOT_ID slots[64];
    CK_ULONG count = sizeof slots / sizeof slots[0];
    *stage = "C_GetSlotList";
    CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) return (long)rv;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && is_label(info.label, sizeof info.label, token)) {
            *found = slots[i];
            return 0;
        }
    }
    return -2;
}

static long find_key(
    CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, int decrypts, const char *label, CK_OBJECT_HANDLE *found,
    const char **stage) {
    CK_OBJECT_CLASS class = decrypts ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)label, strlen(label)},
    };
    *stage = "C_FindObjectsInit";
    CK_RV rv = p11->C_FindObjectsInit(session, wanted, 2);
    if (rv != CKR_OK) return (long)rv;
    CK_ULONG count = 0;
    *stage = "C_FindObjects";
    rv = p11->C_FindObjects(session, found, 1, &count);
    p11->C_FindObjectsFinal(session);
    if (rv != CKR_OK) return (long)rv;
    return count == 1 ? 0 : -3;
}

static long crypt(
    CK_FUNCTION_LIST_PTR p11, const struct credence_pkcs11_place *place, CK_SLOT_ID slot, int decrypts,
    const uint8_t *in, size_t in_length, uint8_t *out, size_t *out_length, const char **stage) {
    CK_SESSION_HANDLE session;
    *stage = "C_OpenSession";
    CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK) return (long)rv;
    *stage = "C_Login";
    rv = p11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)place->pin, place->pin_length);
    long result = rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ? 0 : (long)rv;
    CK_OBJECT_HANDLE key = 0;
    if (result == 0) result = find_key(p11, session, decrypts, place->key, &key, stage);
    if (result == 0) {
        CK_RSA_PKCS_OAEP_PARAMS oaep;
        memset(&oaep, 0, sizeof oaep);
        oaep.hashAlg = place->uses_sha256 ? CKM_SHA256 : CKM_SHA_1;
        oaep.mgf = place->uses_sha256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1;
        oaep.source = CKZ_DATA_SPECIFIED;
        CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
        CK_ULONG length = *out_length;
        if (decrypts) {
            *stage = "C_DecryptInit";
            rv = p11->C_DecryptInit(session, &mechanism, key);
            if (rv == CKR_OK) {
                *stage = "C_Decrypt";
                rv = p11->C_Decrypt(session, (CK_BYTE_PTR)in, in_length, out, &length);
            }
        } else {
            *stage = "C_EncryptInit";
            rv = p11->C_EncryptInit(session, &mechanism, key);
            if (rv == CKR_OK) {
                *stage = "C_Encrypt";
                rv = p11->C_Encrypt(session, (CK_BYTE_PTR)in, in_length, out, &length);
            }
        }
        result = (long)rv;
        *out_length = length;
    }
    p11->C_Logout(session);
    p11->C_CloseSession(session);
    return result;
}

long credence_pkcs11_crypt(
    const struct credence_pkcs11_place *place, int decrypts, const uint8_t *in, size_t in_length, uint8_t *out,
    size_t *out_length, const char **stage) {
    *stage = "dlopen";
    void *library = dlopen(place->module, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return -1;
    CK_C_GetFunctionList list = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    CK_FUNCTION_LIST_PTR p11 = NULL;
    *stage = "C_GetFunctionList";
    /* A module that was loaded once stays: its threads and handlers may outlive a call. */
    if (list == NULL || list(&p11) != CKR_OK || p11 == NULL) return -1;
    CK_C_INITIALIZE_ARGS arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CKF_OS_LOCKING_OK;
    *stage = "C_Initialize";
    CK_RV rv = p11->C_Initialize(&arguments);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) return (long)rv;
    CK_SLOT_ID slot = 0;
    long result = find_slot(p11, place->token, &slot, stage);
    if (result == 0) result = crypt(p11, place, slot, decrypts, in, in_length, out, out_length, stage);
    if (rv == CKR_OK) p11->C_Finalize(NULL);
    return result;
}
