// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because what libFuzzer needs are unsafe flags: the main package stays free of them. The
// modules are links to the main package's sources, held to the same rules.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    // What is to be found must be counted: nothing else is instrumented.
    .unsafeFlags(["-sanitize=fuzzer"]),
]
let products: [Target.Dependency] = [
    .product(name: "Crypto", package: "swift-crypto"),
    .product(name: "CryptoExtras", package: "swift-crypto"),
    .product(name: "HTTPTypes", package: "swift-http-types"),
]

let package = Package(
    name: "fuzz",
    dependencies: [
        // As in the main package; `run` takes the versions of its Package.resolved.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "OAuth", dependencies: products, swiftSettings: house),
        .target(name: "ProviderProfiles", dependencies: ["OAuth"], swiftSettings: house, plugins: ["EmbedProviders"]),
        .plugin(name: "EmbedProviders", capability: .buildTool(), dependencies: ["EmbedProvidersTool"]),
        .executableTarget(name: "EmbedProvidersTool", path: "Sources/EmbedProviders"),
        .target(
            name: "ProviderImport",
            dependencies: ["OAuth", "ProviderProfiles", .product(name: "Yams", package: "Yams")],
            resources: [.embedInCode("Resources")],
            swiftSettings: house
        ),
        .executableTarget(
            name: "Fuzz",
            dependencies: ["OAuth", "ProviderImport", "ProviderProfiles"] + products,
            swiftSettings: house,
            // gold, the usual linker here, fails on the sanitizer's sections.
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]
        ),
    ],
    swiftLanguageModes: [.v6]
)
