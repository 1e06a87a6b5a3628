import ByteFormats
import Encoders
import Foundation
import Imaging
import Samples
import Shards
import Tokenization
import VectorIndex

/// What reads bytes that others wrote.
enum Parser: String, CaseIterable {
    /// Picture headers with their EXIF, and decoding.
    case image
    /// Tars with their extended headers, also compressed, and the samples in them.
    case tar
    /// CSV, TSV, JSON lines and COCO captions, with the encoding and the delimiter found out.
    case manifest
    /// JSON beside an image.
    case sampleJSON
    /// Headers of weight files.
    case safetensors
    /// NumPy arrays.
    case numpy
    /// `model.json`.
    case model
    /// `tokenizer.json`.
    case tokenizerJSON
    /// Sentencepiece's `.model`.
    case sentencePiece
    /// Stored embeddings.
    case embeddingSegment
    /// Segments of an index, all profiles.
    case indexSegment
    /// Manifests of an index.
    case indexManifest
    /// Codecs of an index.
    case indexCodec
    /// Deleted rows of an index.
    case indexDeletions
    /// Vectors that come down a pipe.
    case vectorStream
    /// Patterns of sources and of excluded files, and templates of captions.
    case patterns

    /// Reads the bytes as what this parser is for.
    func parse(_ bytes: [UInt8]) throws {
        switch self {
        case .image:
            var limits = ImageLimits.standard
            limits.maximumPixelCount = 1 << 18
            let header = try ImageHeader.parse(bytes, limits: limits)
            let image = try ImageDecoder.decode(bytes, limits: limits)
            precondition(
                image.width == header.orientedPixelWidth && image.height == header.orientedPixelHeight,
                "the decoder and the header disagree")
        case .tar:
            var reader = try TarSampleReader(file: ReadOnlyFile(path: Scratch.write(bytes, to: "shard.tar")))
            let isCompressed = [0x1F, 0x28].contains(bytes.first)
            var (ordinal, end): (UInt32, Int64) = (0, 0)
            while let item = try reader.next() {
                precondition(item.ordinal == ordinal, "ordinals are not in turn")
                ordinal += 1
                guard case .sample(let sample) = item else { continue }
                end = max(end, sample.image.location.range.end)
                precondition(isCompressed || end <= bytes.count, "a member reaches beyond its tar")
                _ = try? SampleTexts(sample.texts)
            }
        case .manifest:
            let file = try ReadOnlyFile(path: Scratch.write(bytes, to: "list.csv"))
            var reader = try Manifest(file: file, options: ManifestOptions()).reader(rootPath: "/", base: "/")
            while try reader.next() != nil {}
        case .sampleJSON:
            _ = try SampleTexts([TextMember(suffix: "json", byteOffset: 0, bytes: bytes)])
        case .safetensors:
            let header = try unsafe SafetensorsHeader(prefix: bytes.span.bytes, fileByteCount: bytes.count)
            for entry in header.entries {
                precondition(
                    header.dataByteOffset + entry.byteRange.upperBound <= bytes.count,
                    "\(entry.name) reaches beyond its file")
            }
        case .numpy:
            let file = try NumpyFile(path: Scratch.write(bytes, to: "array.npy"))
            if let rowCount = file.shape.first { _ = try file.floats(rows: 0..<min(rowCount, 4)) }
        case .model:
            _ = try DualEncoderConfiguration(jsonData: Data(bytes))
        case .tokenizerJSON:
            try Scratch.encodeText(withTokenizer: bytes, named: "tokenizer.json")
        case .sentencePiece:
            try Scratch.encodeText(withTokenizer: bytes, named: "spiece.model")
        case .embeddingSegment:
            let segment = try EmbeddingSegment(path: Scratch.write(bytes, to: "segment"))
            try segment.verify()
        case .indexSegment:
            let path = try Scratch.write(bytes, to: "segment.vsx")
            let folder = String(path.dropLast("/segment.vsx".count))
            for reading in FileReading.allCases {
                try ForeignBytes.readSegment(folder: folder, name: "segment.vsx", reading: reading)
            }
        case .indexManifest: try ForeignBytes.readManifest(bytes)
        case .indexCodec: try ForeignBytes.readCodec(bytes)
        case .indexDeletions: try ForeignBytes.readDeletions(bytes)
        case .vectorStream:
            let stream = try VectorStream(path: Scratch.write(bytes, to: "vectors"))
            while let rows = try stream.next(7) {
                precondition(rows.count % stream.dimension == 0, "half a row")
            }
        case .patterns:
            let text = String(decoding: bytes, as: UTF8.self)
            _ = try? BracePattern.expand(text)
            _ = try? CaptionTemplate(text)
            _ = try GlobPattern(text).matches("pictures/2019/a b.jpg".utf8)
        }
    }
}

/// Files for parsers that read files; in memory where there is such a folder.
enum Scratch {
    private static let folder: String = {
        let parent = Folder.exists("/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        let path = "\(parent)/vlmpipe-fuzz-\(getpid())"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }()

    /// Writes a file and returns its path.
    static func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Encodes a text with the tokenizer of a folder with one file.
    static func encodeText(withTokenizer bytes: [UInt8], named name: String) throws {
        _ = try write(bytes, to: name)
        let tokenizer = try TextTokenizer(directory: URL(fileURLWithPath: folder), cleaning: .huggingFaceFast)
        _ = tokenizer.encode("Ein Text, 一只猫 🐈", contextLength: 16)
    }
}
