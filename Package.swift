// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is held to the same rules: language mode 6, warnings are errors,
/// existentials spelled out, imports internal unless said otherwise.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

// The levels of docs/architecture.md, from the bottom up. A target may import what stands
// below it, never a sibling: HouseTests and the import check of `.ci/run` hold that.
let package = Package(
    name: "credence",
    products: [
        .executable(name: "credence", targets: ["credence"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // System libraries and the one C shim.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CP11Kit", pkgConfig: "p11-kit-1", providers: [.apt(["libp11-kit-dev"])]),
        .target(name: "CPKCS11", dependencies: ["CP11Kit"]),
        .target(name: "CProcess"),

        // Level 0: values and rules, no I/O.
        .target(
            name: "OAuth",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: house
        ),
        .target(name: "Sealing", dependencies: ["COpenSSL", "CPKCS11"], swiftSettings: house),

        // Level 1: data to checked values.
        .target(
            name: "ProviderProfiles",
            dependencies: ["OAuth"],
            swiftSettings: house,
            plugins: ["EmbedProviders"]
        ),
        .plugin(name: "EmbedProviders", capability: .buildTool(), dependencies: ["EmbedProvidersTool"]),
        .executableTarget(name: "EmbedProvidersTool", path: "Sources/EmbedProviders", swiftSettings: house),

        .target(
            name: "ProviderImport",
            dependencies: ["OAuth", "ProviderProfiles", .product(name: "Yams", package: "Yams")],
            resources: [.embedInCode("Resources")],
            swiftSettings: house
        ),

        // Level 2: use cases and their ports.
        .target(
            name: "Broker",
            dependencies: [
                "OAuth", "Sealing", "ProviderProfiles",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: house
        ),

        // Level 3: adapters.
        .target(
            name: "SQLiteStore",
            dependencies: [
                "Broker", "CProcess", "OAuth", "ProviderProfiles", "Sealing",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: house
        ),
        .target(
            name: "AuditLog",
            dependencies: ["Broker", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: house
        ),
        .target(
            name: "HTTPTransport",
            dependencies: [
                "Broker", "OAuth", "Sealing",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: house
        ),
        .target(
            name: "BrokerHTTP",
            dependencies: [
                "Broker", "OAuth", "ProviderProfiles", "Sealing",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            resources: [.embedInCode("Pages")],
            swiftSettings: house
        ),

        // Level 4: the executable.
        .executableTarget(
            name: "credence",
            dependencies: [
                "AuditLog", "Broker", "BrokerHTTP", "CProcess", "HTTPTransport", "OAuth", "ProviderImport",
                "ProviderProfiles", "SQLiteStore", "Sealing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: house
        ),

        // Doubles and the sandbox: imported by tests and `make demo` only.
        .target(
            name: "BrokerTesting",
            dependencies: [
                "Broker", "OAuth", "ProviderProfiles", "Sealing",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: house
        ),
        .executableTarget(
            name: "credence-sandbox",
            dependencies: [
                "Broker", "BrokerTesting", "HTTPTransport", "OAuth",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Sandbox",
            swiftSettings: house
        ),

        // Tests.
        .testTarget(name: "SealingTests", dependencies: ["OAuth", "Sealing"], swiftSettings: house),
        .testTarget(
            name: "BrokerHTTPTests",
            dependencies: [
                "Broker", "BrokerHTTP", "BrokerTesting", "OAuth", "ProviderProfiles", "Sealing",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "CredenceTests",
            dependencies: [
                "BrokerTesting", "credence",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: house
        ),
        .testTarget(name: "AuditLogTests", dependencies: ["AuditLog", "Broker"], swiftSettings: house),
        .testTarget(name: "HouseTests", swiftSettings: house),
        .testTarget(
            name: "OAuthTests",
            dependencies: [
                "OAuth",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "OAuth",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: house
        ),
        .testTarget(name: "ProviderProfilesTests", dependencies: ["OAuth", "ProviderProfiles"], swiftSettings: house),
        .testTarget(
            name: "ProviderImportTests", dependencies: ["OAuth", "ProviderImport", "ProviderProfiles"],
            swiftSettings: house
        ),
        .testTarget(
            name: "BrokerTests",
            dependencies: [
                "Broker", "BrokerTesting", "OAuth", "ProviderProfiles", "Sealing",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "Broker", "BrokerTesting", "OAuth", "ProviderProfiles", "SQLiteStore", "Sealing",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "HTTPTransportTests",
            dependencies: [
                "Broker", "BrokerTesting", "HTTPTransport", "OAuth", "Sealing",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: house
        ),
        .testTarget(
            name: "BrokerTestingTests",
            dependencies: [
                "Broker", "BrokerTesting", "OAuth",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: house
        ),
    ],
    swiftLanguageModes: [.v6]
)
