import Reports
import Samples
import Shards

/// What an ingest would record of the first samples of manifests, without a workspace.
public enum IngestPreview {
    /// Lines for people: what was found out about each manifest, and its first `count` samples.
    ///
    /// Throws `WorkflowError`: `usage` if a source is no manifest, `badData` if one cannot be read.
    public static func text(of options: IngestOptions, count: Int) throws -> String {
        try options.validate()
        guard (1...1000).contains(count) else {
            throw WorkflowError(.usage, "--preview shows from 1 to 1000 samples, not \(count)")
        }
        var text = ""
        for source in options.sources {
            do throws(ShardError) {
                let path = try SourcePath.absolute(source)
                let file = try ReadOnlyFile(path: path)
                guard try Manifest.mayBe(path: path, kind: ContentKind.ofFile(file), file: file) else {
                    throw ShardError(.sourceUnrecognized, "--preview shows manifests; this is none.", path: source)
                }
                let manifest = try Manifest(file: file, options: options.manifest, limits: options.shardLimits)
                text += "\(source): \(manifest.outline)\n"
                let base = options.manifest.base ?? SourcePath.parent(path)
                var reader = manifest.reader(rootPath: base, base: base)
                for ordinal in 0..<count {
                    guard let item = try reader.next() else { break }
                    text += lines(of: item, ordinal: UInt32(ordinal), base: base, options: options)
                }
            } catch {
                throw WorkflowError(
                    error.code == .sourceMissing ? .noInput : error.code == .sourceUnrecognized ? .usage : .badData,
                    error.message, place: source)
            }
        }
        return text
    }

    private static func lines(
        of item: ManifestItem, ordinal: UInt32, base: String, options: IngestOptions
    ) -> String {
        let found = ManifestSamples.read(
            item, ordinal: ordinal, rootPath: base, readsCaptions: options.readsCaptions,
            readsImages: options.check != .none, limits: options.shardLimits)
        switch SampleExamination(options: options).examine(found) {
        case .quarantine(let record):
            return "\n" + TerminalText.sanitized("\(record.key): quarantined, \(record.code): \(record.reason)") + "\n"
        case .sample(let sample):
            let clean = TerminalText.sanitized
            var text = "\n\(clean(sample.key))\n  image    \(clean(item.path)), \(sample.format.rawValue)"
            text += sample.pixelWidth > 0 ? ", \(sample.pixelWidth) × \(sample.pixelHeight)\n" : "\n"
            text += "  split    \(clean(sample.split.rawValue))\n"
            for caption in sample.captions { text += "  caption  \(clean(caption))\n" }
            for attribute in sample.attributes {
                let value =
                    switch attribute.value {
                    case .integer(let value): "\(value) (integer)"
                    case .real(let value): "\(value) (real)"
                    case .text(let value): "\(clean(value)) (text)"
                    }
                text += "  \(clean(attribute.name)) = \(value)\n"
            }
            return text
        }
    }
}
