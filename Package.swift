// swift-tools-version: 6.2
import PackageDescription

// Rows from the bottom up: a target imports only what is listed here, and only from lower rows.

let strict: [SwiftSetting] = [.strictMemorySafety(), .treatAllWarnings(as: .error)]

// Contraction is off so that a kernel and its plain twin round alike; fused multiply-add is asked for by name.
let kernelFlags: [CSetting] = [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Werror"])]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.target(name: name)] + dependencies, resources: resources,
        swiftSettings: strict)
}

let package = Package(
    name: "vlmpipe",
    products: [
        .executable(name: "vlmpipe", targets: ["vlmpipe"]),
        .executable(name: "vlmpipe-bench", targets: ["vlmpipe-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
    ],
    targets: [
        // Row 0: C.
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CKernels", cSettings: kernelFlags),
        .target(
            name: "CImageCodecs",
            linkerSettings: ["jpeg", "png", "webp", "webpdemux"].map { .linkedLibrary($0) }),

        // Row 1: words, engine, loops, bytes.
        module("Samples", [crypto]),
        module("PipelineEngine"),
        module("ByteFormats", ["CKernels", "CZstd"]),
        module("Kernels", ["CKernels", "COpenBLAS"]),

        // Row 2.
        module("Tensors", ["Kernels"]),

        // Row 3: targets that do not know each other.
        module("Encoders", ["ByteFormats", "Kernels", "Tensors"]),
        module("VectorIndex", ["ByteFormats", "CKernels", "PipelineEngine", "Samples", crypto]),
        module("Shards", ["ByteFormats", "CZlib", "CZstd", "Samples", crypto]),
        module("SampleCatalog", ["Samples", .product(name: "GRDB", package: "GRDB.swift")]),
        module("Imaging", ["CImageCodecs", "Kernels", "Samples"]),
        module("Tokenization", ["CZlib"]),

        // Row 4.
        module("Training", ["ByteFormats", "Encoders", "Kernels", "PipelineEngine", "Samples", "Tensors"]),
        module("Reports"),
        module("DemoScenes", ["Imaging", "Samples"]),

        // Row 5.
        module(
            "Workflows",
            [
                "ByteFormats", "DemoScenes", "Encoders", "Imaging", "Kernels", "PipelineEngine", "Reports",
                "SampleCatalog", "Samples", "Shards", "Tensors", "Tokenization", "Training", "VectorIndex", crypto,
                .product(name: "Yams", package: "Yams"),
            ]),

        // Row 6: arguments, exit codes, rendering; benchmarks.
        .executableTarget(
            name: "vlmpipe",
            dependencies: [
                "Encoders", "Imaging", "Kernels", "Tokenization", "Workflows",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "vlmpipe-bench",
            dependencies: [
                "ByteFormats", "Encoders", "Imaging", "Kernels", "Shards", "Workflows",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // Tests: one target for each module, and what several of them share.
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        tests("Samples"),
        tests("PipelineEngine"),
        tests("ByteFormats", ["CKernels", "TestSupport"], resources: [.copy("Fixtures")]),
        tests("Kernels", ["TestSupport"]),
        tests("Tensors", ["Kernels", "TestSupport"]),
        tests(
            "Encoders", ["ByteFormats", "Kernels", "Tensors", "TestSupport"], resources: [.copy("Fixtures")]),
        tests("VectorIndex", ["ByteFormats", "CKernels", "PipelineEngine", "Samples", "TestSupport"]),
        tests("Shards", ["ByteFormats", "Samples"]),
        tests("SampleCatalog", ["Samples"]),
        tests("Imaging", ["Kernels", "Samples"], resources: [.copy("Fixtures")]),
        tests("Tokenization", resources: [.copy("Fixtures")]),
        tests(
            "Training", ["ByteFormats", "Encoders", "Kernels", "PipelineEngine", "Samples"],
            resources: [.copy("Fixtures")]),
        tests("Reports", ["TestSupport"]),
        tests("DemoScenes", ["Imaging", "Samples"]),
        // The built executable: exit statuses, output, kill and resume.
        .testTarget(
            name: "CommandTests", dependencies: ["TestSupport", "vlmpipe"],
            swiftSettings: [.treatAllWarnings(as: .error)]),
        tests(
            "Workflows",
            [
                "Encoders", "Imaging", "Kernels", "PipelineEngine", "SampleCatalog", "Samples", "Shards", "TestSupport",
                "Tokenization", "Training",
            ]),
    ]
)

// The fuzzed parsers, which need libFuzzer's instrumentation in every module they call: Tests/fuzz.sh asks for them.
if Context.environment["VLMPIPE_FUZZ"] != nil {
    package.products.append(.executable(name: "vlmpipe-fuzz", targets: ["vlmpipe-fuzz"]))
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzz/CLibFuzzer"),
        .executableTarget(
            name: "vlmpipe-fuzz",
            dependencies: [
                "ByteFormats", "CLibFuzzer", "Encoders", "Imaging", "PipelineEngine", "Samples", "Shards",
                "Tokenization",
                "VectorIndex",
            ],
            path: "Tests/Fuzz/Parsers", swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
    ]
}
