import OAuth

@testable import Broker

/// An RSA key with a certificate, for tests alone.
enum RSATestKey {
    static let file = ClientSecretValue.KeyFile(
        pem: Secret(pem), pkcs12: nil, certificates: certificate, passphrase: nil, keyID: nil)

    /// Of the certificate, by `openssl dgst`.
    static let sha256Thumbprint = "cyt1XZMF8uH3eCk2MQGzbqR_m3cS5ZnYl6PnH484mEk"
    static let sha1Thumbprint = "d1MH8pQWDTwmdC7S7bl6UJVYdaQ"

    private static let pem = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCvAA4d0RrQyMYg
        uao1oge3qvyke+14n2RbKzytI799PXVxCd9Uwd8PDP2OLdnmCmeGmeVulqpbFLGY
        X0KlkWVwxuoEooQZk5lBngUDueLWKBUDK0o6VqsghdSUuSJeSos3C+BG1zfPePjs
        dxM8kGpz0/jDa5WJy440UiTgpd7n7whGCZED9ZH/IwIrAQl0OCATdJ8TjIwBbPm0
        g93oZAJgCkh5OYYY9r0wZoTzTZ3HnX1S589MO52ibEnY8fNSb71zpccFQql9Wa8v
        qHDZ82HNbBWPTBdesZldijwRfDj117y4AXdnkM3vKRjdS28DC0kNEFRvEhmwCgWk
        HWCST3NNAgMBAAECggEAA0IMcwJTfEGXwVzhv8qJAngHdvgIHzbiPDKA33YZP8XD
        ehS3TgbDwOb6rXsRRVbIeKB9hKmqFZg8CGq8tee6uoUbS1k9bz6v4r3ZnH57HduQ
        9CK0vhGGVPc6p9VHaqIz+twKhTVVMzf1rReNicvkRpP9W74GrTzXQM1xz98YdLte
        DPt5/SdWWmXngM3jcgUuOi2Ppbov6njpetMoCqmlv0UPkV7rsbNfWHQ+xn8SgDfK
        XXm4CSqx5Cnwz/OQ1tULz6ma15Wtpjy7oNVwyu+DwJZ6J+WuAgmvDKXHt8X5F+cK
        hEl3V9CrGKga6aqcY6Q239oo2uw1B2r9jpqGai3P4QKBgQDkZb2O+Uh2qcS+t828
        osZ8Jr1TpSW84S4ESecvAD8S8/RcwDX7BhSDl0zKq3pI7a6MyJMv0pAL9g75MlEk
        oXbEMFaIh7NhuMPHJWc61rErAl7jgSW8zBoP+O/6Fmv/Y2BjxtRTryC6KcBQzUN1
        mFeN3SM+LBd9ubUww/07I8nuuQKBgQDEJknYjV7PA/+cMZvUbPkzOW/UkVX7Zhq9
        hT3rrNTQ1GGy42kylk7ydbowgiPU8SN7OF4k2X8ZVoPDX5t9RM0Oj+wI4J+8oV9n
        0PXTP/icRsWntRUBab4IDYp9zWNdGpv0QR7DWv822+Mr+8Fq3/TUU/X75pOTcDsf
        YDCf6Q2/NQKBgQCk/38Gt74Kw7B3my9NFEbRz+a8c7Ukk4R74qvZv5LRbV3eV5ln
        pEfTnM0EKQcpglO0Lv5t8O7RRUwh6KDIFsFHECijb20+roz45GOEFS9eg9LrBhSu
        JMC7QzqSb/pLQI6U5kHjxsOc2aaueOtAG/M8cEISmyXJVQy5kwzw2XT7OQKBgFqB
        0FE76iNblPZdban3HoWkWxWaejImSvBoKso0VX6GgQ4qIMBW2tbFu8PmSOJY4iZZ
        PBeExEDMyr+7veNve67cee0euJYxX/RnVwbC3dQ+U7WuuKKOSEEu/lhODStIu+1Y
        nvlFY73MeGYzJGxMKoxOsZIqMq41exJfMBCZWN6BAoGAHOOp6UKu/L99NoNhaqM7
        4AFgQiV/IYZotiNsd/DPFZ57/YDBPIiS4buUOkaHjNETUui5uCCQ0Rhdbs7W4dA+
        jx31wn+Tb6TPML0xXlttObvqSIb5+tgphBAtvSPmzgTQNEdGZndtWFXyV5t9QlQF
        AieyTKGqdVRgv0Qk/J3EPyU=
        -----END PRIVATE KEY-----
        """

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIDBzCCAe+gAwIBAgIUKBBjxEF/ZYF7EwBxOxNBGLGuahQwDQYJKoZIhvcNAQEL
        BQAwEjEQMA4GA1UEAwwHb3VyLWFwcDAgFw0yNjExMjMxMTUzMzNaGA8yMTI2MTAz
        MDExNTMzM1owEjEQMA4GA1UEAwwHb3VyLWFwcDCCASIwDQYJKoZIhvcNAQEBBQAD
        ggEPADCCAQoCggEBAK8ADh3RGtDIxiC5qjWiB7eq/KR77XifZFsrPK0jv309dXEJ
        31TB3w8M/Y4t2eYKZ4aZ5W6WqlsUsZhfQqWRZXDG6gSihBmTmUGeBQO54tYoFQMr
        SjpWqyCF1JS5Il5KizcL4EbXN894+Ox3EzyQanPT+MNrlYnLjjRSJOCl3ufvCEYJ
        kQP1kf8jAisBCXQ4IBN0nxOMjAFs+bSD3ehkAmAKSHk5hhj2vTBmhPNNncedfVLn
        z0w7naJsSdjx81JvvXOlxwVCqX1Zry+ocNnzYc1sFY9MF16xmV2KPBF8OPXXvLgB
        d2eQze8pGN1LbwMLSQ0QVG8SGbAKBaQdYJJPc00CAwEAAaNTMFEwHQYDVR0OBBYE
        FM3XGLbf7rw1p025zq8UcP7yzcTSMB8GA1UdIwQYMBaAFM3XGLbf7rw1p025zq8U
        cP7yzcTSMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBABb79D38
        hzwczqiVfTYY1r1s7WGpzcfUhTfgNkIs7mF1wV6+oAGCNgM4sFfUyg3MjbmqzeGV
        PV/teK8StTu09FjayWCv14+jSRy4cgzz3p1bpflpEtcaISNQ/I7SRYHao09vREBx
        9mX1t6qmw+dhXGY4uoI1rLy+yyKQTlE+kDFjH4G1RBWeHSvFY4G6FLzANGDGCWwl
        bo2N9egWW6uj0DVpaOIcf5q95uSNO1qyKI1oIE8aFVsE/To6XF142sko3eohuonc
        bK/dn9xCmKhb65sK5VW+Ef1UbhkkYzAu4pHmogaMS9Fm/XePQ7W8szPEQZEaW1gT
        YJYCieHX2Ya8jEo=
        -----END CERTIFICATE-----
        """
}
