import Imaging
import SampleCatalog
import Samples
import Shards

/// Turns what was found in a shard into a row: a sample, or a quarantine row with the reason.
///
/// A pure function of bytes and options, so it may run on any thread.
struct SampleExamination: Sendable {
    /// The name of this stage in quarantine rows.
    static let stage = "ingest"

    enum Outcome: Sendable {
        case sample(SampleRecord)
        case quarantine(QuarantineRecord)
    }

    let options: IngestOptions

    func examine(_ item: ShardItem) -> Outcome {
        switch item {
        case .rejected(let item):
            return .quarantine(
                SampleExamination.record(item.ordinal, item.key, item.byteOffset, item.code.rawValue, item.reason))
        case .sample(let found):
            do throws(ShardError) {
                if let texts = found.statedTexts { return .sample(try examine(found, texts: texts)) }
                return .sample(
                    try examine(found, texts: SampleTexts(found.texts, readsCaptions: options.readsCaptions)))
            } catch {
                return .quarantine(
                    SampleExamination.record(
                        found.ordinal, found.key, error.byteOffset ?? found.image.location.range.offset,
                        error.code.rawValue, error.message))
            }
        }
    }

    private func examine(_ found: FoundSample, texts: SampleTexts) throws(ShardError) -> SampleRecord {
        let range = found.image.location.range
        var header: ImageHeader?
        if found.image.isWhole {
            header = try read(found.image.bytes, offset: range.offset)
        }
        guard let format = header?.format ?? ImageHeader.recognize(found.image.bytes.span) else {
            throw ShardError(.imageMissing, "the bytes are not JPEG, PNG, WebP, HEIC or AVIF", byteOffset: range.offset)
        }
        let stated = texts.split.flatMap { IngestOptions.isName($0) ? $0 : nil }
        return SampleRecord(
            ordinal: found.ordinal, key: found.key,
            split: (options.split ?? stated).map { Split(rawValue: $0) } ?? Split.byHash(ofKey: found.key),
            image: range, format: format, pixelWidth: header?.pixelWidth ?? 0, pixelHeight: header?.pixelHeight ?? 0,
            orientation: options.orientation == .exif ? header?.orientation ?? .upright : .upright,
            digest: found.image.isWhole
                ? Digest(hashing: found.image.bytes)
                : Digest.unread(place: "\(found.image.location.path) \(range.offset) \(range.byteCount)"),
            captions: texts.captions,
            attributes: texts.attributes.map { SampleAttribute(name: $0.name, value: AttributeValue($0.value)) })
    }

    /// Reads the header, and decodes the image if that is asked for; `nil` if it is bad and nothing was to be checked.
    private func read(_ bytes: [UInt8], offset: Int64) throws(ShardError) -> ImageHeader? {
        do throws(ImagingError) {
            let header = try ImageHeader.parse(bytes, limits: options.imageLimits)
            if options.check == .decode {
                _ = try ImageDecoder.decode(bytes, applyOrientation: false, limits: options.imageLimits)
            }
            return header
        } catch {
            guard options.check != .none else { return nil }
            throw ShardError(
                ShardError.Code(rawValue: SampleExamination.code(error.code)), error.message,
                byteOffset: offset + Int64(error.byteOffset ?? 0), cause: error.cause)
        }
    }

    /// How a reason of `Imaging` is called in quarantine rows.
    static func code(_ code: ImagingError.Code) -> String { "image-" + code.description }

    static func record(
        _ ordinal: UInt32, _ key: String, _ byteOffset: Int64, _ code: String, _ reason: String
    ) -> QuarantineRecord {
        QuarantineRecord(
            ordinal: ordinal, stage: stage, key: key, byteOffset: byteOffset, code: code, reason: reason)
    }
}

extension AttributeValue {
    init(_ scalar: SampleTexts.Scalar) {
        switch scalar {
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value)
        case .text(let value): self = .text(value)
        }
    }
}

extension SampleChunk {
    mutating func append(_ outcome: SampleExamination.Outcome) {
        switch outcome {
        case .sample(let record): samples.append(record)
        case .quarantine(let record): quarantine.append(record)
        }
    }
}
