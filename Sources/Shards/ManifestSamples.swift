import Samples

/// Reads the samples of manifests.
public enum ManifestSamples {
    /// Reads the image of `item`. Whatever is wrong with it gives a rejected item; nothing is thrown.
    ///
    /// - Parameters:
    ///   - readsCaptions: whether captions are taken over.
    ///   - readsImages: whether the image is read whole; if not, only its first bytes are.
    public static func read(
        _ item: ManifestItem, ordinal: UInt32, rootPath: String, readsCaptions: Bool = true, readsImages: Bool = true,
        limits: ShardLimits = ShardLimits()
    ) -> ShardItem {
        switch item.image {
        case .none(let code, let reason):
            return .rejected(
                RejectedItem(
                    ordinal: ordinal, key: item.key, byteOffset: item.offset, code: code, reason: reason))
        case .file(let path):
            do throws(ShardError) {
                return .sample(
                    FoundSample(
                        ordinal: ordinal, key: item.key,
                        image: try FolderSamples.image(
                            path, rootPath: rootPath, readsWhole: readsImages, limits: limits), texts: [],
                        statedTexts: SampleTexts(
                            captions: readsCaptions ? item.captions : [],
                            attributes: item.attributes.map { (name: $0.name, value: $0.value) })))
            } catch {
                let place = error.code == .fileMissing ? ": \(path)" : ""
                return .rejected(
                    RejectedItem(
                        ordinal: ordinal, key: item.key, byteOffset: error.byteOffset ?? 0, code: error.code,
                        reason: (error.cause.map { "\(error.message) (\($0))" } ?? error.message) + place))
            }
        }
    }
}
