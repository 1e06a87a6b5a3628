import Imaging
import Samples

/// A data set of drawn pictures with captions in English and Chinese, made from a seed.
///
/// Scene i of a split depends on nothing but (seed, split, i). Colours, things and settings come equally often: each run
/// of 432 training scenes (480 test scenes) has every combination once, in shuffled order, as its first thing.
///
///     let dataset = SceneDataset(seed: 1)
///     let scene = dataset.scene(split: .train, index: 7)
///     let image = dataset.render(scene, size: 96)
///     let captions = dataset.captions(scene)
public struct SceneDataset: Hashable, Sendable {
    /// A part of the data set.
    public enum Split: String, Hashable, Sendable, Codable, CaseIterable {
        /// Without the withheld combinations.
        case train
        /// With all combinations.
        case test
    }

    /// What everything is derived from.
    public let seed: UInt64

    /// Share of scenes with two things.
    static let pairShare = 0.12

    /// A data set; nothing is computed yet.
    public init(seed: UInt64) {
        self.seed = seed
    }

    /// The combinations that never occur in the training split.
    public static var withheldCombinations: Set<SceneCombination> { SceneCombination.withheld }

    /// What scene `index` shows. Traps if it is negative. Takes microseconds.
    public func scene(split: Split, index: Int) -> Scene {
        precondition(index >= 0, "scene(split: \(split), index: \(index))")
        let combinations = Self.combinations(of: split)
        let (round, position) = index.quotientAndRemainder(dividingBy: combinations.count)
        var order = generator(split, UInt64(round), "order")
        // A shuffled order, of which only the wanted element is needed: one pass of Fisher–Yates from the front.
        var indices = Array(combinations.indices)
        for slot in 0...position {
            indices.swapAt(slot, slot + order.integer(below: indices.count - slot))
        }
        let first = combinations[indices[position]]

        var draw = generator(split, UInt64(index), "scene")
        guard draw.chance(Self.pairShare) else {
            let place = draw.element(of: ScenePlace.allCases)
            return Scene(
                split: split, index: index,
                subjects: [Scene.Subject(thing: first.thing, color: first.color, place: place)], setting: first.setting)
        }
        // The second thing differs in thing and colour, and is allowed in this split.
        let partners = combinations.filter {
            $0.setting == first.setting && $0.thing != first.thing && $0.color != first.color
        }
        let second = draw.element(of: partners)
        let places: [ScenePlace] = draw.chance(0.5) ? [.left, .right] : [.right, .left]
        let subjects = zip([first, second], places).map { combination, place in
            Scene.Subject(thing: combination.thing, color: combination.color, place: place)
        }
        return Scene(split: split, index: index, subjects: subjects, setting: first.setting)
    }

    /// The picture of a scene of this data set, `size` × `size`; sizes of 48 to 200 look right.
    ///
    /// Position, size, shade, background and noise vary from scene to scene. Deterministic; another size draws the same
    /// scene, with other noise.
    public func render(_ scene: Scene, size: Int = 96) -> PixelImage {
        var draw = generator(scene.split, UInt64(scene.index), "picture")
        return SceneDrawing(scene: scene, size: size, using: &draw).image()
    }

    /// Six captions, without duplicates: three in English and three in Chinese, in turn. The first of each language is
    /// `SceneCombination.query` where there is one thing.
    public func captions(_ scene: Scene) -> [String] {
        var draw = generator(scene.split, UInt64(scene.index), "captions")
        return SceneCaptions.captions(scene, using: &draw)
    }

    private static let trainCombinations = SceneCombination.all.filter { !SceneCombination.withheld.contains($0) }

    private static func combinations(of split: Split) -> [SceneCombination] {
        split == .train ? trainCombinations : SceneCombination.all
    }

    private func generator(_ split: Split, _ number: UInt64, _ purpose: StaticString) -> SeededGenerator {
        SeededGenerator(seed: seed, epoch: split == .train ? 0 : 1, number: number, purpose: purpose)
    }
}
