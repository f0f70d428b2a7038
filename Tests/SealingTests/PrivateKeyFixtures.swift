import Foundation

/// TEST KEYS, made for these tests with the openssl command and used for nothing else: anybody may know them. Where a
/// text does not say otherwise it is the P-256 key `p256` in another form, and its passphrase is `test`.
enum TestKeys {
    /// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
    static let p256 = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgi8RcqllxVH1Q613R
        DSRw6P0G3KZ3IT9Q9N3nIP6+txuhRANCAATJ3DnsELMUz7qVgXDdVpngIHZfGhIp
        5hTGawI3mACGU5rsQdg0yaCctj/abOnTWXk7Ze8CQEoXcNSbGgizCZIk
        -----END PRIVATE KEY-----
        """

    /// As `p256`, and another.
    static let other = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV2jfqwd9DdEGnloP
        7dL8yMnx14RoHHYJLrzzjGP+HNWhRANCAATNS+UFVuW4AjeNT+dx3J8mXmsoS2xQ
        wGC036KwiZ86z0dZHjF2dEwlKfAH1rY3rL1G5zA9cskVWeNTudGqrY8s
        -----END PRIVATE KEY-----
        """

    /// The private half of `p256` with the public half of `other`.
    static let torn = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgi8RcqllxVH1Q613R
        DSRw6P0G3KZ3IT9Q9N3nIP6+txuhRANCAATNS+UFVuW4AjeNT+dx3J8mXmsoS2xQ
        wGC036KwiZ86z0dZHjF2dEwlKfAH1rY3rL1G5zA9cskVWeNTudGqrY8s
        -----END PRIVATE KEY-----
        """

    /// `openssl ec`
    static let sec1 = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIIvEXKpZcVR9UOtd0Q0kcOj9BtymdyE/UPTd5yD+vrcboAoGCCqGSM49
        AwEHoUQDQgAEydw57BCzFM+6lYFw3VaZ4CB2XxoSKeYUxmsCN5gAhlOa7EHYNMmg
        nLY/2mzp01l5O2XvAkBKF3DUmxoIswmSJA==
        -----END EC PRIVATE KEY-----
        """

    /// `openssl ec -param_enc explicit`
    static let spelledOut = """
        -----BEGIN EC PRIVATE KEY-----
        MIIBaAIBAQQgi8RcqllxVH1Q613RDSRw6P0G3KZ3IT9Q9N3nIP6+txuggfowgfcC
        AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////
        MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Pr
        vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE
        axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W
        K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8
        YyVRAgEBoUQDQgAEydw57BCzFM+6lYFw3VaZ4CB2XxoSKeYUxmsCN5gAhlOa7EHY
        NMmgnLY/2mzp01l5O2XvAkBKF3DUmxoIswmSJA==
        -----END EC PRIVATE KEY-----
        """

    /// `openssl ec -conv_form compressed`
    static let compressed = """
        -----BEGIN EC PRIVATE KEY-----
        MFcCAQEEIIvEXKpZcVR9UOtd0Q0kcOj9BtymdyE/UPTd5yD+vrcboAoGCCqGSM49
        AwEHoSQDIgACydw57BCzFM+6lYFw3VaZ4CB2XxoSKeYUxmsCN5gAhlM=
        -----END EC PRIVATE KEY-----
        """

    /// `openssl ec -aes256`
    static let sec1Encrypted = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-256-CBC,565BAFCAB55FFA88B4A80C2A8E974183

        7iR23o8eO6gQI1mc+OxORYs+DDDr7f/7+cgWfxZ/DNmMWo+7tAYw8Lr6uAgtcSAT
        yj2qtp/zPInNG8ISwA/1A4VWz/jq3nKJEeZF9tr3G00tfdyxnOEaKZajQ0BnVuHR
        1k9rdCNXajKbWFtVbcrN/JUI8PggRlhZAz0GmOafC10=
        -----END EC PRIVATE KEY-----
        """

    /// `openssl ec -provider legacy -provider default -des`
    static let sec1DES = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: DES-CBC,59C0B34EE5637F65

        OFPf4fu6Id2Md3dLqE25TcXcgRv7eafSXUS/HEQ0pPQ6lkoaDCZA4IjWw2YKVQmB
        BE1X46ul3OsxmhZpfzJJVq+Ky0hD3eZnHb2u7pDnw7R7v2Ua8ANWaUh61rkTI2Ps
        HJO4abSZdUz+cs1Lw6yeMfQpPgePBJwqxJ0vRNWBYKM=
        -----END EC PRIVATE KEY-----
        """

    /// `openssl pkcs8 -topk8`
    static let pkcs8Encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj1Wbl4qXcZagICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEE3V1dmkvnbf+6hiDyI4qa8EgZAj
        mc7LupgCtsMynZ7iyFErdlEWoy8EqwPxnZVOQoNdUE7AYHEdSwd9HkWPOD0l0t7c
        WlM7sjBgwvxCEEFNmAXmdil+Z4E2puu2QIOsZjCoJTAEp8XL0I8DhGleaJz4aXS+
        frwzsqz3iDppOgC9rZgM8NfzIypaG9OzLS7FZIJQ3Jp3p4gople668ZJ4fE0/0o=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `openssl pkcs8 -topk8 -scrypt`
    static let pkcs8Scrypt = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAhpf32TAGLh3wICQAAC
        AQgCAQEwHQYJYIZIAWUDBAEqBBAMBOQS1g+RGwgE8udDF9iZBIGQ4c6w5otdCvza
        GPJvp+onroswNAYEX48X/9equidC9JvdqScHglKIr6SF0IAZ0TRcA8CdaasFM1Lz
        TqqdFxikcqfC3Z3lgm34MyqNLm6tKdhsTXMqlRyBTbx94QytXvUK/bed4RayI4v7
        A/1XQKQpO7HyBFKg2Z9WMEoaaKzzQuDBhJmEC9fSCOWPCx6DqdpL
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `openssl pkcs8 -topk8`, with an empty passphrase.
    static let pkcs8Empty = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjoiQ1xiSV5QgICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIj7QhKlETn7orHsOaF3cNMEgZAG
        o6ufZaZUvAIXbMv18ORjc+FSuPnTNyK2VttE6gIdUeS39zyuBavfFhrlB5iBVcR0
        T8/1/0Onx9uVsJbtxt+Cc+J+eeVBksjeLubWFsP32GmJUPhiKftm4pCJfx5snaKU
        7MgtdExlLiCyzxEvEfO7i562sHaHuBzjKFp173BBbV5FVL3qrssHqJh+Og669Rc=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `openssl pkcs8 -topk8 -provider legacy -provider default -v1 PBE-MD5-DES`
    static let pkcs8DES = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGwMBsGCSqGSIb3DQEFAzAOBAhMNEEPfprhygICCAAEgZBCzQgtzm+sbkljFv+2
        eUsqigmqXdi20bbWEkHYxcIfTKMmfQZOZr7Q5KJ5Wnf2mXAu1EUZBkVV29fWWQnX
        oCzQ/ODCRZ1rMEGlUkF9BeQnKwvLvY+hnDdegtfig8/5v/ZriyObbqqk/spR0v16
        Zd0Cauq+YLdNZ0ZkDl3HSGeTezPdo6johY+tggPSCoVOaU8=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384`
    static let p384 = """
        -----BEGIN PRIVATE KEY-----
        MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAk1tb4OOR1HYpPMFBo
        IAU0242Zpm/mU/ZBS2TX4Wgx16k3XvBkg+QiKGmIOu8bdd6hZANiAATqrNDNAG9G
        hce9uZppmSoFMSRNE81upVMXU52+dFhpRVyfHUXkzz/Gp6MxOO0saWE+UXbuX1Td
        UHfSBviwVZYJy4TVt8ElDumzbytUQyjkDgvJw8G7zyOEupgWjaKObaA=
        -----END PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521`
    static let p521 = """
        -----BEGIN PRIVATE KEY-----
        MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIB42No2+YaGRgNyHH2
        UyyxAx9NeJsUKl0RysTCKM9FoEHNLpipfu2Pt9K3Pgdg4/4J+7yawM0+oZ2ZHt9B
        EuVbtQShgYkDgYYABADAOBHU4dUJpiK/XN6B2H8wNrzOl6e9d+V8QMohrJTncnXi
        9ybateEtsYKvEJtVjUHCdYcS2AWtwmOHx3E7QjQzbABCE1/Uk1ZtsDop0nC55vaE
        JG6DbfGStXw6RN7bMBug0afr16NBXkYXaGUiTqUaLuG2NbdoO4KPJMZpfl06Amsv
        ww==
        -----END PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm ED25519`
    static let ed25519 = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIDxQRC+oB7GMOfX8cVo2OOrc+juOoE6h3W03oJYHM/sp
        -----END PRIVATE KEY-----
        """

    /// `openssl genrsa -traditional 2048`
    static let rsa = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEowIBAAKCAQEApRoqPHv3UsPDv6+VxXUd2D9tt6siY2UDYL67e1/8mT062F+e
        q4DjeIeNXqHhAiFN2RUcxqGq7PBsCMuB06te5E527nkZERRFMD792mPyd15sljBC
        kD6mrYIMyVnb66U4AlltfFfLUxFGruB6npGwH1ipJr12JVPBsVkwu2t0XYolq7sw
        oU/THDVbhsjcMCEP6mvuWQPd+UsCElkOgcAZKyGr6VA89+lH7rzKzHgtaQ2GQOhR
        dwj+7tChdKes/MB6s/qily7U2WDY9KAGxlD7NsEbEM0254Ag3d540If5xxTQh6II
        vw4mFIL0MGPxoENZ/6XxbHxyz66ON8zLodn7GQIDAQABAoIBABlu9SwxnZk0mpJM
        GmqbXtBZ/w0g8hB1NmbAIxH/qKIzlj3QRxlc5s3BtfOqxMaG+l7TW4Y2z+WlqMLX
        FMYWe2z4sGYOph+lK35h6cmrhWXBmEEvqIVffV4zr0QSUWhU4JKuE4lo3ePLQMP+
        RS1pvIOrrQ0QeSOJakhneLQaesfQ2VaTcE0CEoBZcLc5NeKIlV5lHFTnTqcggIxr
        m5WLx8NWtF8P/lm4wWzWyTyqEaSJ0gHsEhP6YB0t/SUmmOn5MTLFTvUGRmPIu6Uq
        nRiG8hVbLA8IZPnnvBFisYk/BsVEJTTw9eGk32+X3GFyhmLZ4OuzaL8M09Lq2TmW
        KKHA/U0CgYEA4oiYa6rfMeUMZfMLkHl9KAf0s1GygSiXcCd3r1hMtn6fpvaOEqtb
        H2PlOh/otbEKp2zuMOFqt2O6EBkaepyR/d3kNrMmdb7iarF3vmp20iIeRrD5GxIP
        T1MyQh3bWrTGGcm969eSRaa+8Q7F20BzXIdZ5W5V7VEG6LSOH6QJHc0CgYEAupPz
        B/7rOArHr/lIw5O8o0zfFoOLq4aScvO1ALpQQ6PUiF4ubHaVCgQm4wq3dfqmoEdB
        WW1/flUee9NorkaK8sYJSxbPmvBL3sf4yc3DFSYGTT2XVwdlN+Fcw+Nto9ZsF0Fj
        qGXdNVG4K8vkv91ugpfdYG1NShu5x5gq3mDiJn0CgYBUzbnxpHgFn69ygvfzT+ew
        krniX1Up0N5QWBYQCEg/kUuHH4m0J33nVGg9yDA/xFUutDK/DcP7f1PqLtugxvhI
        R0bly088iQcN1f3zxLtSkv8ui5XVsn8UvRp1cePqIv5+LO3yWjMh6/hTGaqsF4aY
        PvtCTnnQa6Lgfqct5SSciQKBgE5IDvr22OgNldTeicoNLWNyuFMw5CQWdVGnsPTa
        Nxz6Gw0QPvghFM08CrjN4UWt4cVzwBZuW8S8n+qiO9SLIndT4chQjNBcK+kQC/FX
        1JcF+jTkN6A7KRu2AX7q6DCKoZVsSQz5mENrwxMVHCfoFxrR7v8rPPdwBJWa4bml
        +pzdAoGBALYc8jaLB52ElXhI0JRhChyOjgX9dED7BHDTwWpaDKqcK1PNHZPWpW5A
        BTz0htzEMBioPc1HmW552eTac4hDt9BqcacpKoypKxsrokEkdPKCS5MFgnK/KDNP
        ak6p4CC8SB3nh36nrq17YHH4K3Bzixt6DzH6da8j2ict0E/vJlQJ
        -----END RSA PRIVATE KEY-----
        """

    /// `openssl genrsa 1024`
    static let rsa1024 = """
        -----BEGIN PRIVATE KEY-----
        MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBANEbPDg3saPNUYje
        g/XLWJxQ148Ezz4Yvd4b+3DfU2qlCUlXrMt+ZlUjDJQBWiyPxQ8ZBN1yn7GaRR2d
        VufaTclP6cyfINKtbcyhJJr2jDe1dBsZWhFOYpHFyKc/gHGKFe5l6kfYOoNeWr3Z
        IQ6Sxtiid/y4AwPcKgiYHJOJRp1TAgMBAAECgYAmWTtTCAvBAZ+JXV2QD0nh6QWP
        Sg+D0N/JQxJ64coXjcrFM5oR+81iobnlztWtxHQcT7dPsXzOAn/YbYmJncST6JwM
        YGwQei6TCDUCEgcgeZ+RAYiWfcLwPNG7EqXMAPeIfjNrGxF2BBrXyL3+zyI70vaY
        ptMMp8RBPpSDrac/qQJBAP7gYEOybyeuEV482FbRsytajKzgsow4wx6PciAaZoHt
        CX3SPDTq5YF84bt3lBWn6865+NPiBWJwcVI8h0VmVbUCQQDSBzVZ/qc1FhNXAuPZ
        vpi3Kz4vm8S7yRtmn1doLqEB6FND+3nlSP2dHrK9VB6DqKuq2/3wiBhhNgXipTvz
        jovnAkEA4xzQ6sHvJm6Hb2/MXuCRRQp02/+FWkmiJHMyAMVFnnS3xnQ1zfmZ9J5x
        Dvlo7TsqdpVk0nlOzv7fG6Zv6zlbGQJBANFExXAKQGiwukx0YLtRIbFAsRGWz4uc
        cmTqV5lC/MJ9zplqNKa0955aPBZRfqYIpiP0Vy4XLNOPlIWjxfyEB/kCQBHSJO36
        lo8Kdvw5uPGzrf0H1QqIu2L6yPe6WuAmZtCHtmQAImEif7dPR2VRuNu5B46V+b0i
        E1WFaz9lynJcaIc=
        -----END PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:1024`
    static let rsaPSS = """
        -----BEGIN PRIVATE KEY-----
        MIICdgIBADALBgkqhkiG9w0BAQoEggJiMIICXgIBAAKBgQC0bXAaE9PFBkbAyLAa
        pUe0tn/hPCQGqVFHwp182D30wpKarDWLuCqvuJemYPgv5Ka3Vsl5gV5XqbEolMYX
        odTgwm5Xw8OESh3t3sBiiGknNGvWXNhK5QUKPxk5QuTR3xqnAkS8pAu3OYBbZh5y
        Lhn+qaX7DaVBwH6I1O81Yy24zwIDAQABAoGBAJgCp/Lgh4e0bQHZUz1vyMUBCSaL
        U9Lk7hzmY2cejLxc/cUgl5BanmQjwmijxBYdrzRCA0bCbuiuiBqnlWmtp7o28s9n
        TvpzmDFVGUASewxMatpYvJ+KFp0OB2DCCvw2PLuks1OWP0VowkOKHWQ2m654jjQy
        fK4jNcg+qx5kuqmBAkEA3HtydSgS9OZsY/9EFDc6JImNrw9VMVcuwLUjaUNz+NkE
        jZdG5PmKW/cAfKbfc0zWOlz+ZVGZ1SunCO6ACmYLjwJBANF+KIVNIUl70uOatcYl
        2WM2r7h3qwnMyUrz1q1LHnCQ00G5M+IjDH02NqO2YsjSilwFtE/vGSxxUplTMwW3
        3sECQQCO1C2edZpqKcc3tEqO6gPxXWZ6bG1c7ERuNCm/bCH5p+SKMOCNPpaB4u3e
        0l9YmwMAhfOLASStcnzfjVlG4zpDAkEAy5eKs7m4rtyKoC27mF0yPkxoS6Lo8zY1
        LgV5TaLia00kMgxWEuAzBADK6yGWMUsDsdjNWp2oXlunhWCpBlaiQQJAJtfnFlzb
        7rnXDnjBhapKcjAB2LV8dKd9txTlYGGU/FshkBaPcUpG/yFc3fZLI0CSZSPWhrBb
        FnzJ5BNVqAEZ1A==
        -----END PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1`
    static let secp256k1 = """
        -----BEGIN PRIVATE KEY-----
        MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgxCK2Bub+gZZjqixl9Ugl
        QnwOQS1IXxHkpDOv8p8tZ8ShRANCAAQG/TrAgb+5ycT3OphQBQ3RaEppdnS6dWqy
        7/M0blJYOd6t/KloJW1oWkHnOtgo2Jm+Ds+GV9OVrQCCAIfygcT1
        -----END PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm ED448`
    static let ed448 = """
        -----BEGIN PRIVATE KEY-----
        MEcCAQAwBQYDK2VxBDsEOTNrWRf2nua5wts1kdyqNsG7xWFLUcCXvEXUGCQLxibj
        pmcxdag2/crYt9k5jASIYRSI8xwrBjZl0g==
        -----END PRIVATE KEY-----
        """

    /// `openssl genpkey -algorithm X25519`
    static let x25519 = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VuBCIEIJi08x4HLt2CUZmbgJBVe+DKvafnH7TX4Q2qqYbWdmRs
        -----END PRIVATE KEY-----
        """

    /// The certificate of `p256`, issued by `sub`.
    static let leaf = """
        -----BEGIN CERTIFICATE-----
        MIIBWTCCAQugAwIBAgIBAzAFBgMrZXAwEzERMA8GA1UEAwwIVEVTVCBzdWIwIBcN
        MjYxMTIzMDcxNzEzWhgPMjA4MTA4MjYwNzE3MTNaMBYxFDASBgNVBAMMC1RFU1Qg
        Y2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEydw57BCzFM+6lYFw3VaZ
        4CB2XxoSKeYUxmsCN5gAhlOa7EHYNMmgnLY/2mzp01l5O2XvAkBKF3DUmxoIswmS
        JKNQME4wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQUOHmr2DLI0gxM++brEpnw/8uH
        mdowHwYDVR0jBBgwFoAUkeHwxmP1lhC1/VLPR1zTE/By6FQwBQYDK2VwA0EAv6NP
        bnGKisD7PSNee1D9lalqjiw6S/QJCLjNRMY0hRdMBcOdxEFVYtfZu/7dDMKpifaj
        2VwLiipcGbdPdPsnDQ==
        -----END CERTIFICATE-----
        """

    /// Issued by `root`.
    static let sub = """
        -----BEGIN CERTIFICATE-----
        MIIBKjCB3aADAgECAgECMAUGAytlcDAUMRIwEAYDVQQDDAlURVNUIHJvb3QwIBcN
        MjYxMTIzMDcxNzEzWhgPMjA4MTA4MjYwNzE3MTNaMBMxETAPBgNVBAMMCFRFU1Qg
        c3ViMCowBQYDK2VwAyEAk3eVXva9tnrdKw/LyWEazP7mowplAfbqLl+zr41+/Tmj
        UzBRMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFJHh8MZj9ZYQtf1Sz0dc0xPw
        cuhUMB8GA1UdIwQYMBaAFJdW7twVDVdn7RKfaFMy3dwhwgBaMAUGAytlcANBABde
        8fDGVTthQbZTzPJa8c5M5kf264Hvf3yCBNjig9b+0wDlfaODF85aELZrpu/6UylZ
        7TilIdsIGhd5Xxu1qQY=
        -----END CERTIFICATE-----
        """

    /// Issued by itself.
    static let root = """
        -----BEGIN CERTIFICATE-----
        MIIBPjCB8aADAgECAhQW5Bq6e84UiZI21T3hMDeCTdFHijAFBgMrZXAwFDESMBAG
        A1UEAwwJVEVTVCByb290MCAXDTI2MTEyMzA3MTcxM1oYDzIwODEwODI2MDcxNzEz
        WjAUMRIwEAYDVQQDDAlURVNUIHJvb3QwKjAFBgMrZXADIQCM/QKjWGn/IT5w45rG
        uilnSNyauWQLYUduiufKCs1BV6NTMFEwHQYDVR0OBBYEFJdW7twVDVdn7RKfaFMy
        3dwhwgBaMB8GA1UdIwQYMBaAFJdW7twVDVdn7RKfaFMy3dwhwgBaMA8GA1UdEwEB
        /wQFMAMBAf8wBQYDK2VwA0EAv3nYR+oSJnGs8fNRSgd6FjFPAbse8WX0e3G6hAkF
        igSQWX/HtQQ9bbRZt4jnQRLI6xPXf8BnWkHjgXhuymDzBg==
        -----END CERTIFICATE-----
        """

    /// `leaf`, by `openssl x509 -trustout -addtrust clientAuth -setalias test`.
    static let trusted = """
        -----BEGIN TRUSTED CERTIFICATE-----
        MIIBWTCCAQugAwIBAgIBAzAFBgMrZXAwEzERMA8GA1UEAwwIVEVTVCBzdWIwIBcN
        MjYxMTIzMDcxNzEzWhgPMjA4MTA4MjYwNzE3MTNaMBYxFDASBgNVBAMMC1RFU1Qg
        Y2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEydw57BCzFM+6lYFw3VaZ
        4CB2XxoSKeYUxmsCN5gAhlOa7EHYNMmgnLY/2mzp01l5O2XvAkBKF3DUmxoIswmS
        JKNQME4wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQUOHmr2DLI0gxM++brEpnw/8uH
        mdowHwYDVR0jBBgwFoAUkeHwxmP1lhC1/VLPR1zTE/By6FQwBQYDK2VwA0EAv6NP
        bnGKisD7PSNee1D9lalqjiw6S/QJCLjNRMY0hRdMBcOdxEFVYtfZu/7dDMKpifaj
        2VwLiipcGbdPdPsnDTASMAoGCCsGAQUFBwMCDAR0ZXN0
        -----END TRUSTED CERTIFICATE-----
        """

    /// What `openssl ecparam -genkey` writes in front of a key.
    static let parameters = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        """

    /// `openssl pkey -pubout`
    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEydw57BCzFM+6lYFw3VaZ4CB2XxoS
        KeYUxmsCN5gAhlOa7EHYNMmgnLY/2mzp01l5O2XvAkBKF3DUmxoIswmSJA==
        -----END PUBLIC KEY-----
        """

    /// The certificate of `other`, issued by `sub`.
    static let stranger = """
        -----BEGIN CERTIFICATE-----
        MIIBWDCCAQqgAwIBAgIBBDAFBgMrZXAwEzERMA8GA1UEAwwIVEVTVCBzdWIwIBcN
        MjYxMTIzMDcxNzEzWhgPMjA4MTA4MjYwNzE3MTNaMBUxEzARBgNVBAMMClRFU1Qg
        b3RoZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATNS+UFVuW4AjeNT+dx3J8m
        XmsoS2xQwGC036KwiZ86z0dZHjF2dEwlKfAH1rY3rL1G5zA9cskVWeNTudGqrY8s
        o1AwTjAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBTE5FMldxRDITUn0uNU0y2S7n+s
        hTAfBgNVHSMEGDAWgBSR4fDGY/WWELX9Us9HXNMT8HLoVDAFBgMrZXADQQBU3jmk
        MXDfwE1j827JULCSk5S7GkgkbvIixpZVgtCQXvc2cBtj9iiRGuwiiaIdQbE78LN9
        LIvtPr97iisEYPsO
        -----END CERTIFICATE-----
        """

    /// `openssl pkcs12 -export -certfile`, with `leaf`, `sub` and `root`.
    static let archive = archive(
        """
        MIIG5QIBAzCCBpsGCSqGSIb3DQEHAaCCBowEggaIMIIGhDCCBSIGCSqGSIb3DQEHBqCCBRMwggUPAgEAMIIFCAYJKoZIhvcNAQcBMFcGCSqG
        SIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj83+FDiU0+TAICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEApE38Tk+zmx8O/cwVLH
        1bCAggSg0efgJSfAENuhHh588BDQz/reCmxS1WdjRBTqSQxZENo7UdYFxfVjPGjfIlkMqGt8IGtg1gXcu0HHV23ZRe3mUf6wG/+OUA64Kgkx
        mcfg9WD2tq+Zhbo8DMnullvgDvNKhpPMc/EErvyuVuUhL7leqGtE6VqG3LWPT3Zm3pADH88xjFpq7lbnRioqoyU3eFv1Ra6pbGgv5nHWx0A6
        uXHBPYZFg4DuTx/B9CcvEArRvjR5EoELv/Y26BRX8ejrv4cD3wGwdfSKA+fETFKDF9f/nFBmmQzN/4JQjPXzH1Evl34Cx91UIYukRdqrld8N
        N4/a0T5kWKE4rHZfzzspNXyBzbQnoO25aD/8q8HKzFGtzETapHMeVCv/3D5DZotm2qh+cvWmhB4oIjuQ8fkA10Tk1qqI6ITDdGzDoK1w61+d
        rJ1YmG4T20ay6k0fYWc6Pp/RhE2NN7prJipKIkNWbywxkxxEiwxniNjaRxbgLgeldiWo8h9NsNeFZp4ZHUrlZkdgEZSJZ8ni+TEFaFzCsEUr
        Djx/FUKtJH6LwPGe8VIBl7oW7klobeemdEdH9iT1UcNKVn9cFsEwRVIYxdmJizSTeWkhaakpQt68Ub67c77CMi5wVw6Nk3m+u4pEBzuWNl3L
        rCOUgh2XtWwjIvnJT3lvy0/F5aC7DwMG6KvIszrpH0ap2/HNeL9DptKvDa6PRW7dGKUp+BVpAIQCrRDODsLD/9nNsWnrWaVTLWqaxgmcS3LV
        yT2ghYZDHHIUoiIBoyr3SrZbWwp3lcle7rSup+UgNegXQIoBj7Ijn1nOAHb3trzh1n+dzjWDH+Rwt0M0qLibFIyNVOC7+WWG5Ib+msuocYmy
        R+2rUvgi9/6M5u90pOkA3NhGMDcuykKx4Zuxn1t1rfmF+F58M8WnW53Q7RdcabM+jFeEVQMYdVDm4nmGVR7hVgtm3tKDPtElADtDByAEUkok
        rf2LnKcC3tddXXxlAeI7xhRudHtDEZKOsC3wBFwiZvdtUhuFdK2PKMZI2azDTvP3I7ZWCJiQovWKPBSJ2L7VsXquZaCc0x89jgmMKPwOzcKI
        TvKeHAzontU13bRvmF6Hv8vJL40QbBbNVQMDhiWGo/hMH1kfsH6chS3wskPWEQK/E0Ibw/6JJ/aMTPpxgfV4c53nfLW1mRaXzdhME0XvPMtg
        +O/kvoJau+xyWIVKQ1mciwDR4USH7Z2Pv4fU3kzjNyIqT6paAos6WHXzKlAM1zGWh1oW5WSXwauFcmBpqvb9z6aLMjM4buyAVv7YcTIGVSbl
        RCMiH1Mms/K8Ij+nzkLocyqkT+yNrKBwBKxI3djUMzHqCv3MxT95FTUZ47eEBFDHc4DiYaKLa3HKPIsqDek2D464jmz8OgJPg9KcnMNpWoht
        SCcbyUY0hbXfgFRiIZEo97lwJt7yIMFllcb9UQlJ3kIP5IiOVnen89TZaAZCetg4ePz/99Vj7Bo9XlIGhq1vz1T1lz5JIut3uBNQzHGAsApP
        yXn4lwZ/PpgBGrtlV1Z6fesEjczL5Hkk9auLEV826XroIGaGYbbi7D/CFcPzRLh/ix47RN4p+h0wggFaBgkqhkiG9w0BBwGgggFLBIIBRzCC
        AUMwggE/BgsqhkiG9w0BDAoBAqCB7zCB7DBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIhHlc2N5BxowCAggAMAwGCCqGSIb3DQIJ
        BQAwHQYJYIZIAWUDBAEqBBB4uat2IQPhcP5uSnxHo2M9BIGQH6VK9a6FWiOIFM04HPX4z+2INiXOcvds5YAtW6tUER6E+rC90PHSC2TMYnFZ
        DQspuyojWgrtijzSA2xlYsZA5R69hRiMC50a/sP881VY/7MoL2J8USYp/LvQKKZTo8JGonjq7qeGk9dLm0M7ka0xaXUp0lE2xr2lY4iH/jMg
        f0wqfDWAvlWJGeeWldayTphDMT4wFwYJKoZIhvcNAQkUMQoeCAB0AGUAcwB0MCMGCSqGSIb3DQEJFTEWBBT27abmOk4AqulXQr9w91ykEwI6
        CzBBMDEwDQYJYIZIAWUDBAIBBQAEIJnIKhbXArqLJfm6owIN1J9/jjKXU2ERF5CbCxEYlSLPBAhK+8+7HWz+dwICCAA=
        """)

    /// The same with `leaf` alone and an empty passphrase.
    static let archiveEmpty = archive(
        """
        MIID7AIBAzCCA6IGCSqGSIb3DQEHAaCCA5MEggOPMIIDizCCAkIGCSqGSIb3DQEHBqCCAjMwggIvAgEAMIICKAYJKoZIhvcNAQcBMFcGCSqG
        SIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg9UoZ8O7yR8AICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPekg/ef+FsGhgK0HfZL
        7b+AggHA9vlL3hxuJvR5QRgI+zpwdVhVdGhd5yNMusS7w01Prv6aKugNdZfli+XVuZ/zRLIR4tRiLaEPv3Vy+yKH5W2/KjBIZSu78kHIcmpP
        k3UJzEKvfBUEZcf1xzx3b8usIE/GrQcO4bahQ31w0l+IXBJwGZHnlZanqGpszACItMfOtpFkzwURPKaJp6pA7IS0JwVU8dMiePTKlrnUqhdi
        trRZgOvahZsVjYhxHfHZY+/1LfAszTDdPs6CNPq2NyM2LZAyG3pGzO3/0L4j8jOaT1SFQMdHt+FRu5bN9j6BUO/VXrVEM3DrPY6yt0Au0RIn
        MZlL+kGRYlUd023a2Kkjkv0mfqArYqnKa3KES/oO5fvvc4OoshpKsKV+O0FKzggVBM5SbaUaCg8pjKYt0V60nUuFdordQYmLAtH48ymxd/gl
        eSWipXvbeVxJPrsvRiFwqrJm+RAB2QuvP49grsVQoO4FQ0YT/s9GfenDPKxmySZK0CQ2ZohB5dcKRR/4WnaiJrnnin4o635NNVR6cMvYY7dT
        QZc5y7khEjCc6iR5k+hXKRNykuEkRrls0ONrz9ak893O6qUhTy5t2c9CmOsIFDhQhjCCAUEGCSqGSIb3DQEHAaCCATIEggEuMIIBKjCCASYG
        CyqGSIb3DQEMCgECoIHvMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgvmyi01gk3gwICCAAwDAYIKoZIhvcNAgkFADAdBglg
        hkgBZQMEASoEEN8pXgTBBQmwXyD2LciIjAMEgZDg5ytO3kLQ45yCKNGcpmmI8THKVCVfzkNQyS+B74ya0OF/JtX7ZDlOb9z2kBPXetjFJSlE
        iTrofZqLkGitdl0DBUs4lM0lRSKUVkoOWzleH90hngRKGb7IU75vzjhEEw1BC8a39GT16B5xS0Y5Y+2oKU/8saavtF2sgwpNgtwpqlv2O9iX
        4//hlP5hl0QwdzQxJTAjBgkqhkiG9w0BCRUxFgQU9u2m5jpOAKrpV0K/cPdcpBMCOgswQTAxMA0GCWCGSAFlAwQCAQUABCCUI/tANHXNFMCl
        rxl5W2v4x/A/u5Ew5HKdnowkLfqfiwQIQoQf2BFfiV8CAggA
        """)

    /// With no passphrase at all (made with PKCS12_set_mac), and the root first.
    static let archiveNull = archive(
        """
        MIIGBQIBAzCCBbsGCSqGSIb3DQEHAaCCBawEggWoMIIFpDCCBGsGCSqGSIb3DQEHAaCCBFwEggRYMIIEVDCCAWsGCyqGSIb3DQEMCgEDoIIB
        WjCCAVYGCiqGSIb3DQEJFgGgggFGBIIBQjCCAT4wgfGgAwIBAgIUFuQaunvOFImSNtU94TA3gk3RR4owBQYDK2VwMBQxEjAQBgNVBAMMCVRF
        U1Qgcm9vdDAgFw0yNjExMjMwNzE3MTNaGA8yMDgxMDgyNjA3MTcxM1owFDESMBAGA1UEAwwJVEVTVCByb290MCowBQYDK2VwAyEAjP0Co1hp
        /yE+cOOaxropZ0jcmrlkC2FHbornygrNQVejUzBRMB0GA1UdDgQWBBSXVu7cFQ1XZ+0Sn2hTMt3cIcIAWjAfBgNVHSMEGDAWgBSXVu7cFQ1X
        Z+0Sn2hTMt3cIcIAWjAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAL952EfqEiZxrPHzUUoHehYxTwG7HvFl9HtxuoQJBYoEkFl/x7UEPW20
        WbeI50ESyOsT13/AZ1pB44F4bspg8wYwggFXBgsqhkiG9w0BDAoBA6CCAUYwggFCBgoqhkiG9w0BCRYBoIIBMgSCAS4wggEqMIHdoAMCAQIC
        AQIwBQYDK2VwMBQxEjAQBgNVBAMMCVRFU1Qgcm9vdDAgFw0yNjExMjMwNzE3MTNaGA8yMDgxMDgyNjA3MTcxM1owEzERMA8GA1UEAwwIVEVT
        VCBzdWIwKjAFBgMrZXADIQCTd5Ve9r22et0rD8vJYRrM/uajCmUB9uouX7OvjX79OaNTMFEwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQU
        keHwxmP1lhC1/VLPR1zTE/By6FQwHwYDVR0jBBgwFoAUl1bu3BUNV2ftEp9oUzLd3CHCAFowBQYDK2VwA0EAF17x8MZVO2FBtlPM8lrxzkzm
        R/brge9/fIIE2OKD1v7TAOV9o4MXzloQtmum7/pTKVntOKUh2wgaF3lfG7WpBjCCAYYGCyqGSIb3DQEMCgEDoIIBdTCCAXEGCiqGSIb3DQEJ
        FgGgggFhBIIBXTCCAVkwggELoAMCAQICAQMwBQYDK2VwMBMxETAPBgNVBAMMCFRFU1Qgc3ViMCAXDTI2MTEyMzA3MTcxM1oYDzIwODEwODI2
        MDcxNzEzWjAWMRQwEgYDVQQDDAtURVNUIGNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMncOewQsxTPupWBcN1WmeAgdl8aEinm
        FMZrAjeYAIZTmuxB2DTJoJy2P9ps6dNZeTtl7wJAShdw1JsaCLMJkiSjUDBOMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFDh5q9gyyNIMTPvm
        6xKZ8P/Lh5naMB8GA1UdIwQYMBaAFJHh8MZj9ZYQtf1Sz0dc0xPwcuhUMAUGAytlcANBAL+jT25xiorA+z0jXntQ/ZWpao4sOkv0CQi4zUTG
        NIUXTAXDncRBVWLX2bv+3QzCqYn2o9lcC4oqXBm3T3T7Jw0wggExBgkqhkiG9w0BBwagggEiMIIBHgIBADCCARcGCSqGSIb3DQEHATBXBgkq
        hkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQICtiTkIK7R48CAggAMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBDAv/l3XrP1oeHXPWmg
        +a8ggIGwTIBbHN/acDgdLiyXqAI3azfsstWiwDjoO8TkXYI7KuMH+E51lmbYkb1Cn64Lgl6CGIKG6wqG5K3Oye6+hGX3DqjSjTd55VYdQnI9
        YPpFqgrefeAyl7rwaN3YK3T07eofHQXftDA/iIspuj7/+ueLGdZgg+0izYkFGTal/oT0RAZOD13ZQOcYwNFnPpDEO1T+ptuKuAJVFtYqhZKR
        lbfRetc6nrt0OKLXF8sHVVDJiyAwQTAxMA0GCWCGSAFlAwQCAQUABCC78xvXVCBSnVhQ4elbewNiJvl4lttOHUG8TpKDk1mctAQI5szMUcEb
        iFcCAggA
        """)

    /// `openssl pkcs12 -export -keypbe NONE -certpbe NONE -nomac`
    static let archiveOpen = archive(
        """
        MIICxQIBAzCCAr4GCSqGSIb3DQEHAaCCAq8EggKrMIICpzCCAcgGCSqGSIb3DQEHAaCCAbkEggG1MIIBsTCCAa0GCyqGSIb3DQEMCgEDoIIB
        dTCCAXEGCiqGSIb3DQEJFgGgggFhBIIBXTCCAVkwggELoAMCAQICAQMwBQYDK2VwMBMxETAPBgNVBAMMCFRFU1Qgc3ViMCAXDTI2MTEyMzA3
        MTcxM1oYDzIwODEwODI2MDcxNzEzWjAWMRQwEgYDVQQDDAtURVNUIGNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMncOewQsxTP
        upWBcN1WmeAgdl8aEinmFMZrAjeYAIZTmuxB2DTJoJy2P9ps6dNZeTtl7wJAShdw1JsaCLMJkiSjUDBOMAwGA1UdEwEB/wQCMAAwHQYDVR0O
        BBYEFDh5q9gyyNIMTPvm6xKZ8P/Lh5naMB8GA1UdIwQYMBaAFJHh8MZj9ZYQtf1Sz0dc0xPwcuhUMAUGAytlcANBAL+jT25xiorA+z0jXntQ
        /ZWpao4sOkv0CQi4zUTGNIUXTAXDncRBVWLX2bv+3QzCqYn2o9lcC4oqXBm3T3T7Jw0xJTAjBgkqhkiG9w0BCRUxFgQU9u2m5jpOAKrpV0K/
        cPdcpBMCOgswgdgGCSqGSIb3DQEHAaCBygSBxzCBxDCBwQYLKoZIhvcNAQwKAQGggYowgYcCAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEbTBr
        AgEBBCCLxFyqWXFUfVDrXdENJHDo/QbcpnchP1D03ecg/r63G6FEA0IABMncOewQsxTPupWBcN1WmeAgdl8aEinmFMZrAjeYAIZTmuxB2DTJ
        oJy2P9ps6dNZeTtl7wJAShdw1JsaCLMJkiQxJTAjBgkqhkiG9w0BCRUxFgQU9u2m5jpOAKrpV0K/cPdcpBMCOgs=
        """)

    /// `openssl pkcs12 -export -nomac`
    static let archiveUnverified = archive(
        """
        MIIDLwIBAzCCAygGCSqGSIb3DQEHAaCCAxkEggMVMIIDETCCAcgGCSqGSIb3DQEHAaCCAbkEggG1MIIBsTCCAa0GCyqGSIb3DQEMCgEDoIIB
        dTCCAXEGCiqGSIb3DQEJFgGgggFhBIIBXTCCAVkwggELoAMCAQICAQMwBQYDK2VwMBMxETAPBgNVBAMMCFRFU1Qgc3ViMCAXDTI2MTEyMzA3
        MTcxM1oYDzIwODEwODI2MDcxNzEzWjAWMRQwEgYDVQQDDAtURVNUIGNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMncOewQsxTP
        upWBcN1WmeAgdl8aEinmFMZrAjeYAIZTmuxB2DTJoJy2P9ps6dNZeTtl7wJAShdw1JsaCLMJkiSjUDBOMAwGA1UdEwEB/wQCMAAwHQYDVR0O
        BBYEFDh5q9gyyNIMTPvm6xKZ8P/Lh5naMB8GA1UdIwQYMBaAFJHh8MZj9ZYQtf1Sz0dc0xPwcuhUMAUGAytlcANBAL+jT25xiorA+z0jXntQ
        /ZWpao4sOkv0CQi4zUTGNIUXTAXDncRBVWLX2bv+3QzCqYn2o9lcC4oqXBm3T3T7Jw0xJTAjBgkqhkiG9w0BCRUxFgQU9u2m5jpOAKrpV0K/
        cPdcpBMCOgswggFBBgkqhkiG9w0BBwGgggEyBIIBLjCCASowggEmBgsqhkiG9w0BDAoBAqCB7zCB7DBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG
        9w0BBQwwHAQIMh5WE5THDA8CAggAMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBA31MzuE8KVJXFVmcSHPCbTBIGQb3rueiHsGf0lGw63
        6u4PxWJqsYUvJ/268hpwev6Un4eq1sVTgp94igJIKEo7PRRSPkNR8yGWV9/670lZuGeQUmwr87uPiT9kNfudQ4hoo/vNgUJZGkR+FATfswkm
        7LGRdh/qDXcQymyinOmmxwD4f3dluVnExkN5j7IZpTM30QBfd21PJA7L56ebngqHf+lXMSUwIwYJKoZIhvcNAQkVMRYEFPbtpuY6TgCq6VdC
        v3D3XKQTAjoL
        """)

    /// `openssl pkcs12 -export -legacy`
    static let archiveRC2 = archive(
        """
        MIIDWgIBAzCCAyAGCSqGSIb3DQEHAaCCAxEEggMNMIIDCTCCAf8GCSqGSIb3DQEHBqCCAfAwggHsAgEAMIIB5QYJKoZIhvcNAQcBMBwGCiqG
        SIb3DQEMAQYwDgQIj3P4NZ/FWFgCAggAgIIBuAxVBYK2jkKvMmvUQv/rS315E6sHKRlx63/dugGzZSyfJ9cIohEB1lHMUs2zE+KK4cphYzWv
        rieftQO8VC8X7f6cKKfZ7FVNQZRXAGCcMzdqulXdQa7oZ5WNENc0LClWTJ0F46gFHZXr4IATp7IiTbVM+9ND9xv1iqzLzh9BrYib+g8Yj0xG
        kN2sGJqOdxC5IIakVnsZA8F1yvvBS7JpEukD0YAbTxC30F+i2Nv8pqtQTqzJrzoIagMjCvdlEeAr8TVjPJFGY323j92UfBCzZsrfgjAXm4TE
        0qeYBgd/ZHJ4NNihlugGdnFe5bFHZHxpFJ6Ai4chLtzl/v9724YTDgBo2QESsacIyBDBMOJ/GkAELeIOfTe+fOAgKeH1xoNpNVX6UwZkPMLB
        PDYhEeYjY81t7nY65UJ4f7/IZ8Ygv35Rt1xbWlkG5k+od3GwGDd5VBGjgn+DXhawbhUaxFNVW2xWNOEHslmfgoSgLeGfu/yQfrra0Sb3Zk7l
        oMZEkBKdRbatiL7aFAvjrLig/yX8FECqS8F0oRwqU3xPEqEc9RX1L7EYhb4G0L5VJFZQTVklgCjnePhXO2oeMIIBAgYJKoZIhvcNAQcBoIH0
        BIHxMIHuMIHrBgsqhkiG9w0BDAoBAqCBtDCBsTAcBgoqhkiG9w0BDAEDMA4ECJdhk34dadsTAgIIAASBkINkvPBckN3yaaSSOv0a425IDgoR
        taWyeDSYli1h++l75vS29hhcim/o0lwCne3rEW2jcl/TINXP7rbkGdoW1AI2LFxLAitL3L6cL14IRceCimsAVsYCdZw2ZPMaK9omxGcMhzPw
        YbmaqiClewrkH9sQHPUDavOJ6wf199bf+5VjUDNVCEgH3cy05s/wJL23izElMCMGCSqGSIb3DQEJFTEWBBT27abmOk4AqulXQr9w91ykEwI6
        CzAxMCEwCQYFKw4DAhoFAAQUvni/pa88XzjlMUOd6wWjp5Mr/vEECKUNpOtK4OUiAgIIAA==
        """)

    /// `openssl pkcs12 -export -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1`, as older programs do.
    static let archive3DES = archive(
        """
        MIIGIgIBAzCCBegGCSqGSIb3DQEHAaCCBdkEggXVMIIF0TCCBMcGCSqGSIb3DQEHBqCCBLgwggS0AgEAMIIErQYJKoZIhvcNAQcBMBwGCiqG
        SIb3DQEMAQMwDgQISO+Tc+REcYoCAggAgIIEgKWirSPPPq/MYFpyr6JjRnULE1bhHMhdPiQ4jYaR017YLz0Afj+6GRTdYNxwuZEAJS/s5srl
        bVRIGJHQ+sNOR1EjatODEIgkoo0H6xpax87nV0CIktQGR8sPn4qSolqLQDTNGC6+thQXW6Ur74v7U9cfTki5reQzjkT0RsU8Lcx6j1YbpWI8
        RtTeyoF5e2OK5wedP7tymj8H+HI/OsXZNRmwQ3D1HNyBQXGyfgnF8e99hQPGh0rNoRVnqUZBQ8XsXOCH8CIydWr9nWxM9j9Z08aOyPTqgaxc
        a7Tk3DOQR6rvJaZIZJe/KgFkBPvRk1LUH7DPdwk0ctxGSE6avSmu1MwyHTtCgRCHL0jQiK7SWBtBzDAAnOFSl2xm8Yd6pyT9FbY5MYlAHus4
        bvcud3MWkcqbx1IRGyVkpkGTSgFhuvTnj35lIiwltKFCGe1CR/2+U4nZwZWKTuH0uQAe8bKOahb5bQT5JRLRRixmoHLYlPUw0eIXIaC/Tgfb
        obQ3ljXGbgGaNmPUm7Ecohlfvkr1cWbAAl2FOSV0zVFRn6D98s8DNk6as4MZ5F0xPSJZs7N38HjXv1bKsz4y1W5euoiozFQ/JjPGMCQLbwE1
        QlKLZhzrl9jVjcuxV/KEhAfUI86EVvSHmWIaM68iYX1Kc6BtmnBst4kFXGFnDX4ni8OM8PYNC3R9C8BD2ua1nUIjSHpGwkq8M9mjjTyapttJ
        sNW6+UDzaY4l8P6sY/IjNGmhzw+Cyll59lUW/VYbr/dYQqSAogm4bSat/Qjki/oPWmsl1995DF0HPm9/0vD+pjnvGY2P1Y2zV5VlaGZoNF47
        t1857aP5e7qoCcx3dyKIZQ2B1DWakIsfeKCewwScxp7A+yCSSZII2r1uxDzqXW/zNmMVVWBCvT/DUcYfRTSh2hnNG7EWXiTtXJiERzyu/dxk
        jrJt+6sPAqckZsB/qbmJB1pwyLSd8KPGc541rMMNIJkk+2GL0Oj+lOIyT+uyqXamYDHCk8qRn+l2tuhQg1JacxEh7/9HqN+T3qbT8C6bsubK
        BOj9hjwHsqsnsRN78OKGcFHjEmVTfho0Y4JG3/mtMVczomx9gXZub8+FE5sjDxixZ51rFLLMacT3s2ryBzQ4QVRxVxuySnKwr3w3o8W5n/xE
        XqDiTgR/gxt4iM1WjeL1Kopn46xOUXVf+tvs6JAgqCYRuK69x4bomLGOoThSIwJAoW1+tn2WtolZxOveMu/JDXrxj37wiW0zmZTB8gZqdQJr
        RWR6UYK2Pmj+VVJyFNuOnY8o0Sb9G3gdmHDXJ9kqeeJHNOiWZDLML3HRyDffxEjTNCxUBSlgdZxXkCfFpdgy0MnTiFYHL1xdgWw54J4EOSVj
        HVeS/vk/x2OzQ+uOvEXjhAbHJ4cYezU3e21lquqcb/OP5owEIsRxWebB8Jbr/YVocT8wcXzsspO3HU7evuukFxJ3ani37pzkp39KYrVxCCFx
        5ozKFIbRAJTtNLfi15mVF661yi6jNqIRxe1mrEZj3MPaglHD8f/NjTiqAn0FHjCCAQIGCSqGSIb3DQEHAaCB9ASB8TCB7jCB6wYLKoZIhvcN
        AQwKAQKggbQwgbEwHAYKKoZIhvcNAQwBAzAOBAjXCZw9KIyErAICCAAEgZDVhWyNV88cMT3ZQKMG8lc7UejshABslayRoCGf5vlRZWIYPh4g
        k/PsG/BOwzAA/1IZ8yAC8LeOx6W2Y5rq38hWzKZrhpQIrOrndSmPWaJjfURSuZpxGYnyof1FqKRUdDdHbl7Twr8x35D60KONO33I+ETfyZrv
        0FO8M1U6mzhZc+sVQTnae2f9uPMmJ2TdcbMxJTAjBgkqhkiG9w0BCRUxFgQU9u2m5jpOAKrpV0K/cPdcpBMCOgswMTAhMAkGBSsOAwIaBQAE
        FHMoeu394TfE5WXbteXHqrfpXBI8BAgwnATTUu8dCwICCAA=
        """)

    /// With the passphrase `tést`.
    static let archiveUTF8 = archive(
        """
        MIID7AIBAzCCA6IGCSqGSIb3DQEHAaCCA5MEggOPMIIDizCCAkIGCSqGSIb3DQEHBqCCAjMwggIvAgEAMIICKAYJKoZIhvcNAQcBMFcGCSqG
        SIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiuE+V8cNI34gICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDgxcdKljdvYaFOFuUvy
        uEiAggHAg0x6ZT3hUaAOSkNpV092pfawBLBFl05VAimuhJ3BFawPJOfkUFjdnydr9mYlSBuikUyaFv47CDM6J9WQtfyNbXDUp8d7IFDh7AyY
        kY5vhKHm/tPSorFr1JKUkC4JA3CHw9Y4t4jdWitTAqjSFclg7BXXHxe6Q/V5mzZrsuWH+yooGpDR8Xk9XGjtUYitGZNlCa6x9VvG7SSxGX8H
        NZ2hz1A6MXfInnft0C87mwKRpcPxgb8IhDnyfYtk6tXWOsYD2LCocb5TV6ff6o2eD8mOheGtuHQ74w97ZazLiTl/XoRoPFjYjAd8+rMMgI/y
        mTLaAJ/1mP5us41NU/5PcaK4HogxdteNM02aQZ1qUxW21Qb8mtfMKDnace+2htK7WeazQ1Ot++03goOii1F0kKP/nQ/0jfYlzWGfutdKpfmA
        ajJ8EGNen6bzNA7N+0VJjKBG8HArjQELHPhx0zzzhnSkGCeFYbmzYIbmdmr3gRJllZoSVG7EmlTCS8YOMFEMkI6ZATY5xKKHKrufxpAvjw+e
        TKfPO2O8b4e8rBV6654LU5Q5qjxIt3q1xPWb3jZH/8cxw9ibBv3nkPjqUIkVHLWRTjCCAUEGCSqGSIb3DQEHAaCCATIEggEuMIIBKjCCASYG
        CyqGSIb3DQEMCgECoIHvMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhbIMLxZ+FArwICCAAwDAYIKoZIhvcNAgkFADAdBglg
        hkgBZQMEASoEEIkZ51J93xL9gwOr14SLaIAEgZD0b4oQCcBOnGiwV30k1rAqISA/D6qoM7tHrSENDRF0J6S+8JVleckanMz9FHiiVkvAoJQ1
        L0lN/9b6Z9OKoIQlKyuhnyugdKLABfegNuq2/WkfVDFxoBkPRsiD1mfuSWxT2kmvUQctdQcSBVXHBZAN4eneH+RAo2dneGwSTZduHWCi1G8B
        aq6/2bIeCk9s7dExJTAjBgkqhkiG9w0BCRUxFgQU9u2m5jpOAKrpV0K/cPdcpBMCOgswQTAxMA0GCWCGSAFlAwQCAQUABCDB7w8lZcizxURf
        MJivDACNa5YiR7/+4fuf/fZlQ++MFAQIpECJU0dfH5gCAggA
        """)

    /// `openssl pkcs12 -export -nokeys`
    static let archiveWithoutKey = archive(
        """
        MIICdwIBAzCCAi0GCSqGSIb3DQEHAaCCAh4EggIaMIICFjCCAhIGCSqGSIb3DQEHBqCCAgMwggH/AgEAMIIB+AYJKoZIhvcNAQcBMFcGCSqG
        SIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiJOnNYcKyuLQICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEI1a7eERTvDv5ccCNw4D
        p8SAggGQFytihe/Bi5+FmHczBx9rca8qhL6PIRNdBZT7wIQ/Yj/1FOrucjvQ3tJCPLZq08sO0VlvmNZltBDvAODHEH/aIYErK43FPBKGaMYt
        8pJXfFW/hlCgU+d9Tikmvo274EkY2J5HlOy6jAJcnpMXVXx6sjk0JANGKS9lZ2IgFPY+Mxhh6xNC3wFuf/JYmSVG986/Y4VN5EXm8vGByotI
        S7oAJMZMmnHPhLz+JENMuh8IKFXwoi1V6ol7Cxe2jxosucslTHghObCAZBovDmNNLhF6VVn7AV4V4GCfdSwlYZ/Wi13iHMzC41hmhOKyt5J8
        jbHsAUMu0oqU3W/pjHOMc4eNSfvADi6dSlIIfhU01vtEV98VIYczbSIGRmU4hEP5hUi+NnOqlEc6xfo/2OwR0zitloT6vzMRkSlZuZidexbZ
        zoMmLDYmLZJhRwEXkecAoVwanNZLlzr4PPZdhfmKcf5AUUDgh3938d+dqQRqp4nJ2lO9F+vPm8Ue+F0/u1cPoEug/sGbgBAMg/oTHRbsHNZv
        /TBBMDEwDQYJYIZIAWUDBAIBBQAEIAAH0WfJRO4GfHDI+IV/JKMPFzn9tFpM3gD4tt1YAOu5BAjnLWrM54tinAICCAA=
        """)

    /// With `p256` and `other`, neither encrypted (made with PKCS12_add_key).
    static let archiveOfTwo = archive(
        """
        MIIBtgIBAzCCAWwGCSqGSIb3DQEHAaCCAV0EggFZMIIBVTCCAVEGCSqGSIb3DQEHAaCCAUIEggE+MIIBOjCBmgYLKoZIhvcNAQwKAQGggYow
        gYcCAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEbTBrAgEBBCCLxFyqWXFUfVDrXdENJHDo/QbcpnchP1D03ecg/r63G6FEA0IABMncOewQsxTP
        upWBcN1WmeAgdl8aEinmFMZrAjeYAIZTmuxB2DTJoJy2P9ps6dNZeTtl7wJAShdw1JsaCLMJkiQwgZoGCyqGSIb3DQEMCgEBoIGKMIGHAgEA
        MBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV2jfqwd9DdEGnloP7dL8yMnx14RoHHYJLrzzjGP+HNWhRANCAATNS+UFVuW4AjeNT+dx
        3J8mXmsoS2xQwGC036KwiZ86z0dZHjF2dEwlKfAH1rY3rL1G5zA9cskVWeNTudGqrY8sMEEwMTANBglghkgBZQMEAgEFAAQgJpICm8fvJTF2
        5pz8jNlunCnqyEKP9CULQh9RqZwPgzQECBcxj4y88agHAgIIAA==
        """)

    private static func archive(_ text: String) -> [UInt8] {
        Array(Data(base64Encoded: text, options: .ignoreUnknownCharacters)!)
    }
}
