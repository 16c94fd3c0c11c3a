// swift-tools-version: 6.1
import PackageDescription

/// Settings of every Swift target: explicit existentials and imports keep the module arrows visible in the code.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "blox",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "BloxNN", targets: ["BloxNN"]),
    .library(name: "BloxIR", targets: ["BloxIR"]),
    .library(name: "BloxPasses", targets: ["BloxPasses"]),
    .library(name: "BloxRuntime", targets: ["BloxRuntime"]),
    .library(name: "BloxTrace", targets: ["BloxTrace"]),
    .library(name: "Gallery", targets: ["Gallery"]),
    .executable(name: "blox-ir", targets: ["blox-ir"]),
    .executable(name: "blox-fuzz", targets: ["blox-fuzz"]),
    .executable(name: "digits", targets: ["digits"]),
    .executable(name: "convnet", targets: ["convnet"]),
    .executable(name: "forecast", targets: ["forecast"]),
    .executable(name: "textgen", targets: ["textgen"]),
  ],
  targets: [
    // The flow of data is the order of the targets; no target depends on one below it.
    .target(name: "BloxIR", swiftSettings: strict, linkerSettings: [.linkedLibrary("m")]),
    .target(name: "BloxPasses", dependencies: ["BloxIR"], swiftSettings: strict),
    .target(name: "CBloxKernels"),
    .target(name: "BloxRuntime", dependencies: ["BloxIR", "BloxPasses", "CBloxKernels"], swiftSettings: strict),
    .target(name: "BloxTrace", dependencies: ["BloxIR", "BloxPasses", "BloxRuntime"], swiftSettings: strict),
    .target(name: "BloxNN", dependencies: ["BloxIR", "BloxRuntime", "BloxTrace"], swiftSettings: strict),

    // Gallery: the example programs that blox-ir shows and IRSamples holds.
    .target(name: "Gallery", dependencies: ["BloxNN"], swiftSettings: strict),
    // ProgramFuzzing: random programs and the comparison of both engines, for tests and blox-fuzz.
    .target(name: "ProgramFuzzing", dependencies: ["BloxIR", "BloxPasses", "BloxRuntime"], swiftSettings: strict),
    // BloxTools: what blox-ir does, as a library.
    .target(
      name: "BloxTools",
      dependencies: ["BloxIR", "BloxPasses", "BloxRuntime", "BloxTrace", "BloxNN", "Gallery", "ProgramFuzzing"],
      swiftSettings: strict),
    .executableTarget(
      name: "blox-ir", dependencies: ["BloxIR", "BloxPasses", "BloxRuntime", "BloxNN", "BloxTools", "Gallery"],
      swiftSettings: strict),
    .executableTarget(
      name: "blox-fuzz", dependencies: ["BloxIR", "BloxNN", "BloxTools", "ProgramFuzzing"], swiftSettings: strict),

    // Examples, and what they share.
    .target(
      name: "ExampleSupport", dependencies: ["BloxIR", "BloxNN", "CDigitsData", "Gallery"], path: "Examples/Support",
      swiftSettings: strict),
    .target(name: "CDigitsData"),
    .executableTarget(
      name: "digits", dependencies: ["BloxNN", "BloxRuntime", "ExampleSupport", "Gallery"],
      path: "Examples/digits", swiftSettings: strict),
    .executableTarget(
      name: "convnet", dependencies: ["BloxNN", "BloxRuntime", "ExampleSupport", "Gallery"], path: "Examples/convnet",
      swiftSettings: strict),
    .executableTarget(
      name: "forecast", dependencies: ["BloxIR", "BloxNN", "BloxRuntime", "ExampleSupport", "Gallery"],
      path: "Examples/forecast", swiftSettings: strict),
    .executableTarget(
      name: "textgen", dependencies: ["BloxIR", "BloxNN", "BloxRuntime", "ExampleSupport", "Gallery"],
      path: "Examples/textgen", swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["BloxIR", "BloxPasses", "BloxRuntime", "ProgramFuzzing"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "BloxIRTests", dependencies: ["BloxIR", "ProgramFuzzing", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "BloxPassesTests",
      dependencies: ["BloxPasses", "BloxIR", "BloxRuntime", "ProgramFuzzing", "TestSupport"],
      swiftSettings: strict),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .testTarget(
      name: "BloxRuntimeTests",
      dependencies: [
        "BloxRuntime", "BloxPasses", "BloxIR", "CAllocationCounter", "Gallery", "ProgramFuzzing", "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "BloxTraceTests", dependencies: ["BloxTrace", "BloxPasses", "BloxIR", "BloxRuntime", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "BloxNNTests",
      dependencies: ["BloxNN", "BloxTrace", "BloxPasses", "BloxIR", "BloxRuntime", "Gallery", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "BloxToolsTests",
      dependencies: [
        "BloxTools", "BloxNN", "BloxTrace", "BloxRuntime", "BloxPasses", "BloxIR", "Gallery", "ProgramFuzzing",
        "TestSupport",
      ],
      swiftSettings: strict),
    // The executables are dependencies so that they are built, and stand beside the tests that run them.
    .testTarget(
      name: "CLITests",
      dependencies: [
        "Gallery", "BloxNN", "BloxIR", "BloxTrace", "TestSupport", "blox-fuzz", "blox-ir", "convnet", "digits",
        "forecast",
        "textgen",
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu11
)
