// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that the library keeps to having no dependencies whatever the benchmarks need.
let package = Package(
  name: "blox-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "blox", path: "..")],
  targets: [
    .executableTarget(
      name: "slice-bench",
      dependencies: [
        .product(name: "BloxNN", package: "blox"), .product(name: "BloxRuntime", package: "blox"),
        .product(name: "Gallery", package: "blox"),
      ]),
    .executableTarget(
      name: "blox-bench",
      dependencies: [.product(name: "BloxNN", package: "blox"), .product(name: "BloxRuntime", package: "blox")]),
  ],
  swiftLanguageModes: [.v6]
)
