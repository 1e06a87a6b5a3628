import Imaging
import SampleCatalog
import Samples
import Shards
import Synchronization
import Tokenization
import Training

/// The captioned samples of the split `train`, decoded, augmented and tokenised on demand.
///
/// Memory: eight bytes for each sample; captions and pixels are read when they are asked for. Every draw comes from a
/// stream of (run seed, epoch, sample id, purpose), so a resumed run sees the same examples.
final class CatalogTrainingSource: TrainingSource {
    /// Where a sample is, in eight bytes.
    private struct Place {
        let shardNumber: UInt32
        let ordinal: UInt32
    }

    let fingerprint: String
    private let catalog: SampleCatalog
    private let images = SampleImages()
    private let tokenizer: BytePairTokenizer
    private let contextLength: Int
    private let augmentation: Augmentation
    private let crop: RandomResizedCrop
    private let jitter: ColorJitter?
    private let shards: [CatalogShard]
    private let places: [Place]
    private let failures = Mutex<[(place: Place, error: any Error)]>([])

    /// Finds the samples.
    ///
    /// - Parameter recipeDigest: joins the fingerprint, since tokenizer and augmentation follow from it and the data.
    init(
        catalog: SampleCatalog, shards: [CatalogShard], tokenizer: BytePairTokenizer, recipe: EncoderRecipe,
        fingerprint: String
    ) throws {
        self.catalog = catalog
        self.tokenizer = tokenizer
        self.fingerprint = fingerprint
        contextLength = recipe.text.context
        let changes = recipe.augmentation
        augmentation = changes
        crop = RandomResizedCrop(
            size: recipe.image.size, scale: changes.cropScale[0]...changes.cropScale[1],
            ratio: changes.cropRatio[0]...changes.cropRatio[1])
        let strengths = [changes.brightness, changes.contrast, changes.saturation, changes.hue]
        jitter =
            strengths.allSatisfy { $0 == 0 }
            ? nil
            : ColorJitter(
                brightness: changes.brightness, contrast: changes.contrast, saturation: changes.saturation,
                hue: changes.hue)
        self.shards = shards
        var places: [Place] = []
        for (number, shard) in shards.enumerated() {
            // What a later stage quarantined stays in the list: it must be the same when the run is resumed.
            try catalog.forEachChunk(ofShard: shard.id, count: 4096, split: .train) {
                chunk in
                for sample in chunk where !sample.captions.isEmpty {
                    places.append(Place(shardNumber: UInt32(number), ordinal: sample.ordinal))
                }
            }
        }
        self.places = places
    }

    var sampleCount: Int { places.count }

    func load(sample index: Int, epoch: Int, seed: UInt64) throws -> TrainingExample {
        let place = places[index]
        let shard = shards[Int(place.shardNumber)]
        guard
            let sample = try catalog.samples(ofShard: shard.id, from: place.ordinal, limit: 1).first,
            sample.ordinal == place.ordinal, !sample.captions.isEmpty
        else {
            throw WorkflowError(
                .badData, "the sample is no longer in the catalog", place: "\(shard.name):\(place.ordinal)")
        }
        let id = VectorIdentity(sample: sample.identity, view: .image).id
        var words = SeededGenerator(seed: seed, epoch: epoch, number: id, purpose: "caption")
        let caption = sample.captions[words.integer(below: sample.captions.count)]

        var draw = SeededGenerator(seed: seed, epoch: epoch, number: id, purpose: "augmentation")
        var image = crop(try images.image(of: sample), using: &draw)
        if draw.chance(augmentation.flip) { image = image.flippedHorizontally() }
        if let jitter { image = jitter(image, using: &draw) }
        return TrainingExample(
            pixels: image.bytes, tokens: tokenizer.encode(caption, contextLength: contextLength),
            imageGroup: sample.digest.prefix64, textGroup: Digest(hashing: CaptionText.cleaned(caption)).prefix64)
    }

    func recordFailure(sample index: Int, error: any Error) {
        let place = places[index]
        // A disk that goes away is no fault of the sample.
        let isInFolder = shards[Int(place.shardNumber)].kind.hasFiles
        guard Quarantine.concernsOneSample(error, isInFolder: isInFolder) else { return }
        failures.withLock { $0.append((place, error)) }
    }

    /// Hands over what failed since the last call.
    func takeFailures() throws -> [(shard: CatalogShard, record: QuarantineRecord)] {
        let taken = failures.withLock { list in
            defer { list = [] }
            return list
        }
        return try taken.compactMap { place, error in
            let shard = shards[Int(place.shardNumber)]
            guard let sample = try catalog.samples(ofShard: shard.id, from: place.ordinal, limit: 1).first else {
                return nil
            }
            let record = QuarantineRecord(
                ordinal: place.ordinal, stage: "train", key: sample.key, byteOffset: sample.image.offset,
                code: Quarantine.code(of: error), reason: "\(error)")
            return (shard, record)
        }
    }
}
