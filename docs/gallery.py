"""Makes the figures of the gallery, and the page itself, with the seconds that each command took.

usage: gallery.py [NAME ...]    all figures, or those of the commands that make these
       gallery.py --page        the page alone, of the figures that it has

The programs have to be built (./run build), and nothing else should run meanwhile. The sets of images lie in data/ or below
$XTANGENT_DATA. Figures that are not made anew keep their seconds, which stand on the page."""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
PAGE = TOP / 'docs' / 'gallery.md'
INTRODUCTION = """# Gallery

The figures of the programs, each with the command that made it, its seconds on two cores of an AMD EPYC, and what it shows.
MNIST, Fashion-MNIST and CIFAR-10 are where [Data](../README.md#data) says. `python3 docs/gallery.py` makes all of it again.
"""

# What one command makes: (figure, its file, title, sentence). A file report.html#WORDS is the figure of the
# page whose caption begins with these words.
COMMANDS = {
    './run quickstart': [
        ('quickstart', 'results/quickstart/overview.svg', 'Two kernels of one network',
         'The wider the network, the closer the pNTK (K) is to the eNTK (Θ), at a fraction of the time; with a small ridge, '
         'regressions with both classify about as many test images correctly, for trained networks within two points.')],
    './run dynamics': [
        ('dynamics', 'results/dynamics/dynamics.svg', 'Predicting training',
         'Losses of training (dots; test images dashed) and what kernels of the initial network say of them (lines): the wider the '
         'network, the better the eNTK and the pNTK predict them; its last layer alone does not suffice. '
         '[More](dynamics.md)')],
    './run study': [
        ('study', 'results/study/report.html#Relative differences of the two kernels against the width', 'How close the pNTK is',
         'Differences of the whole kernel, of both ends of its spectrum and of its condition number against the width, for four '
         'families of networks at initialization.'),
        ('study_blocks', 'results/study/report.html#One block of', 'One block of both kernels',
         'The block of one image with itself, ten outputs by ten, for a fully connected network at two widths: in the wider '
         'one the eNTK is closer to a multiple of the identity, which is how the pNTK approximates it.'),
        ('study_regression', 'results/study/report.html#Relative difference of the predictions on test images against',
         'Predictions by both kernels',
         'Without a ridge their difference falls with the width, more slowly than that of the kernels; a ridge brings them '
         'closer.'),
        ('study_training', 'results/study/report.html#Relative difference of the two kernels along', 'Both kernels along training',
         'One epoch of training drives the two kernels of a residual network apart; among ConvNets the wider ones end with '
         'the smaller differences, and so do fully connected networks up to 512 features.'),
        ('study_readouts', 'results/study/report.html#Relative differences of the kernels to the eNTK', 'Five readouts in long training',
         'Differences of five kernels to the eNTK over a long training: that of the sum of the logits ends the furthest off, with '
         'weight decay and without.'),
        ('study_cost', 'results/study/report.html#Both kernels of residual networks', 'What both kernels cost',
         'Seconds and bytes against the outputs, the images and the depth of residual networks. [More](study.md)')],
    './run study --full': [
        ('study_full', 'results/study/report.html#Relative differences of the two kernels against the width',
         'How close the pNTK is, on two sets of images',
         'In the full study, with ten initializations of each network, whole kernels approach each other at the claimed rate or '
         'faster in seven of eight cases. '
         '[More](study.md#what-the-study-showed)'),
        ('study_full_training', 'results/study/report.html#Relative difference of the two kernels along',
         'Both kernels along training, on two sets of images',
         'What training does to the two kernels depends on the network and on the images. '
         '[More](study.md#along-training)')],
    './run uncertainty mnist --other fashion --network lenet --width 1 --n 500': [
        ('uncertainty', 'results/uncertainty/uncertainty.svg', 'What a network does not know',
         'The variance of a Gaussian process with the pNTK tells Fashion-MNIST from MNIST nearly without fault, where the '
         "network's confidence hardly does. [More](uncertainty.md)")],
    './run trainability': [
        ('trainability', 'results/trainability/trainability.svg', 'Which networks can be trained',
         'Condition number and largest learning rate by the kernel, against the depth and the gain of the initial weights, beside '
         'what training does. [More](trainability.md)')],
    './run landscape': [
        ('landscape', 'results/landscape/landscape.svg', 'The kernel along training',
         'On the digits it slows down after the first epoch, and two networks that part at any time are joined by a line with hardly a '
         'barrier. [More](landscape.md)'),
        ('landscape_distances', 'results/landscape/distances.svg', 'Distances between the kernels of all pairs of epochs',
         'The pNTK comes to rest earlier than the eNTK.')],
    './run landscape mnist --epochs 25': [
        ('landscape_mnist', 'results/landscape/landscape.svg', 'The kernel along training, MNIST',
         'The same network on MNIST, where the barrier between two networks that part early is higher and falls as the kernel slows '
         'down.')],
    './run search': [
        ('search', 'results/search/search.svg', 'Which network should be trained',
         "Kendall's tau between scores of 72 networks before training and their accuracies after it: no score of the kernel "
         "alone is measurably better than the number of parameters. [More](search.md)"),
        ('search_scores', 'results/search/scores.svg', 'Test error against the scores', 'Each point is one of the 72 networks.')],
    './run active': [
        ('active', 'results/active/active.svg', 'Which image should get a label',
         'The look-ahead is what the kernel predicts that a label would change; choosing by it is better than at random and by '
         'entropy, and as good as by the smallest margin. [More](active.md)')],
    './run features --study 2048,8192,32768 --data cifar10 --network resnet18 --width 0.25 --n 800 --test 400': [
        ('features', 'results/features/study.svg', 'Gradients projected to k numbers',
         'Errors of the kernel and of regression with it, beside the exact one, by the split of k among the layers and with '
         'anchors. [More](measurements.md#features-beside-the-exact-kernel)')],
    './run pinn': [
        ('pinn', 'results/pinn/solution.svg', 'The heat equation',
         'The solution, and the errors of a network trained with equal weights of the losses and with weights from the '
         'traces of their kernels; one of three seeds is shown.')],
    './run distill mnist': [
        ('distill', 'results/distill/images.svg', 'Ten images instead of a set',
         'Kernel regression from the ten distilled images (below) classifies 86.1 % of the test images of MNIST correctly, from the '
         'images they started as (above) 48.0 %. '
         '[More](programs.md)')],
    './run study --part scale --scale docs/data --out results/gallery': [
        ('scale_cifar10', 'results/gallery/report.html#Test accuracy of the regressions against their ridge', 'All of CIFAR-10',
         'Regression with the kernel of ResNet18 on all 50,000 images, projected to 65,536 numbers, and with the exact kernel of '
         'fewer, from the tables that `./run scale` has left. [More](scale.md#all-of-cifar-10)')],
    './run train cifar10': [
        ('cifar10', 'results/train/cifar10-resnet18/curves.svg', 'ResNet18 on CIFAR-10',
         'Loss and accuracy of twelve epochs at a quarter of the width, after which 87.4 % of the test images are classified '
         'correctly. [More](programs.md#training)')],
}


def known_seconds():
    """{command: seconds} of the page as it is."""
    text = PAGE.read_text(encoding='utf-8') if PAGE.exists() else ''
    return {command: float(seconds.replace(',', '')) for command, seconds in re.findall(r'^`(.*)`: ([\d,.]+) s$', text, re.M)}


def figure_of(file):
    """The SVG in a file, or in the figure of a page whose caption has the words behind #."""
    name, _, words = file.partition('#')
    text = (TOP / name).read_text(encoding='utf-8')
    if not words:
        return text
    for svg, caption in re.findall(r'<figure>.*?(<svg.*?</svg>)\s*<figcaption><b>.*?</b> (.*?)</figcaption>', text, re.S):
        if caption.startswith(words):
            return svg + '\n'
    sys.exit(f'gallery: no caption of {name} begins with "{words}"')


def make(command, figures):
    """Runs the command from the beginning, and returns its seconds."""
    program = command.split()[1]
    subprocess.run(['ninja', '-C', 'build', f'examples/{program}/{program}'], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    for _, file, _, _ in figures:
        shutil.rmtree((TOP / file.partition('#')[0]).parent, ignore_errors=True)
    start = time.monotonic()
    subprocess.run(shlex.split(command), cwd=TOP, check=True)
    seconds = time.monotonic() - start
    for name, file, _, _ in figures:
        (TOP / 'docs' / f'{name}.svg').write_text(figure_of(file), encoding='utf-8')
    return seconds


def main():
    names, seconds = sys.argv[1:], known_seconds()
    if names == ['--page']:
        write(seconds)
        return
    unknown = set(names) - {name for figures in COMMANDS.values() for name, *_ in figures}
    if unknown:
        sys.exit(f'gallery: no figure {", ".join(sorted(unknown))}')
    for command, figures in COMMANDS.items():
        if not names or any(name in names for name, *_ in figures):
            seconds[command] = make(command, figures)
            write(seconds)


def write(seconds):
    parts = [INTRODUCTION]
    for command, figures in COMMANDS.items():
        if command not in seconds:
            continue
        for name, _, title, sentence in figures:
            parts.append(f'## {title}\n\n![{title}]({name}.svg)\n\n{textwrap.fill(sentence, 128)}\n\n'
                         f'`{command}`: {max(1, seconds[command]):,.0f} s\n')
    PAGE.write_text('\n'.join(parts), encoding='utf-8')


if __name__ == '__main__':
    main()
