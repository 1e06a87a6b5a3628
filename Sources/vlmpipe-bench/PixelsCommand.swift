import ArgumentParser
import Foundation
import Imaging
import Shards
import Workflows

extension DecodeMode: ExpressibleByArgument {}

/// `vlmpipe-bench pixels`.
struct PixelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pixels", abstract: "Speed of decoding and resampling on one core, as JSON.",
        discussion: """
            All images of the tars are read first, then made a model's input again and again.

              vlmpipe-bench pixels photos.tar
              vlmpipe-bench pixels photos.tar --decode fast --size 336 --passes 5
            """)

    /// What is printed.
    struct Result: Encodable {
        let images: Int
        let bytes: Int
        /// Median over the passes, by the wall clock.
        let imagesPerSecond: Double
        /// The same by processor time.
        let imagesPerCPUSecond: Double
        /// Images that could not be decoded, once each.
        let failed: Int
        let decode: DecodeMode
        let codecs: String
    }

    @Argument(help: "Tars of images.") var tars: [String]
    @Option(help: "exact or fast.") var decode = DecodeMode.exact
    @Option(help: "Side of the result in pixels.") var size = 224
    @Option(help: "Passes over all images.") var passes = 3

    func validate() throws {
        if tars.isEmpty { throw ValidationError("name at least one tar") }
        if !(1...4096).contains(size) { throw ValidationError("--size is \(size), must be from 1 to 4096") }
        if !(1...1000).contains(passes) { throw ValidationError("--passes is \(passes), must be from 1 to 1000") }
    }

    func run() throws {
        var images: [[UInt8]] = []
        for tar in tars {
            var reader = try TarSampleReader(file: ReadOnlyFile(path: tar))
            while let item = try reader.next() {
                if case .sample(let sample) = item { images.append(sample.image.bytes) }
            }
        }
        let preprocessing = Preprocessing(size: size, conversion: .afterResize)
        var failed = 0
        var (wall, processor) = ([Double](), [Double]())
        for _ in 0..<passes {
            failed = 0
            let (start, processorStart) = (ContinuousClock.now, clock())
            for image in images {
                do {
                    _ = try preprocessing(decoding: image, orientation: .exif, decode: decode)
                } catch {
                    failed += 1
                }
            }
            wall.append((ContinuousClock.now - start) / .seconds(1))
            processor.append(Double(clock() - processorStart) / Double(CLOCKS_PER_SEC))
        }
        let count = Double(images.count)
        let result = Result(
            images: images.count, bytes: images.reduce(0) { $0 + $1.count },
            imagesPerSecond: count / wall.sorted()[passes / 2],
            imagesPerCPUSecond: count / processor.sorted()[passes / 2], failed: failed, decode: decode,
            codecs: ImageDecoder.codecVersions)
        print(try JSONFile.text(result), terminator: "")
    }
}
